"""What a person sees while environments are made: a line each, live on a terminal, one line when ready elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from headgate_control.projects import Project


@contextlib.contextmanager
def show_environments(projects: Sequence[Project], *, quiet: bool = False) -> Iterator[Callable[[str, str], None]]:
    """Yields the function that is told of each step."""
    if quiet:
        yield lambda name, step: None
        return
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()
    if not console.is_terminal:
        console.print(f"making {len(projects)} environments: {', '.join(project.name for project in projects)}")

        def report_line(name: str, step: str) -> None:
            if step in ("ready", "failed"):
                console.print(f"environment {name} {step} after {time.monotonic() - began:.1f} s")

        yield report_line
        return
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        width = max(len(project.name) for project in projects)
        tasks = {project.name: progress.add_task(f"{project.name:{width}}  waiting", total=1) for project in projects}

        def report_task(name: str, step: str) -> None:
            done = 1 if step == "ready" else 0
            progress.update(tasks[name], description=f"{name:{width}}  {step}", completed=done)

        yield report_task
