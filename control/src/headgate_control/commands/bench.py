"""`headgate bench NAME`: a benchmark of bench/, in the environment of the library's tests."""

import ast
import os
import subprocess
from typing import Annotated

import typer

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate_control.environments import environment_python, require_environments
from headgate_control.projects import choose_projects, find_projects


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A file of bench/, without .py.")],
) -> None:
    """Measure one promise beside its peer, and print the ratio. Further arguments go to the benchmark."""
    settings = read_settings()
    folder = settings.root / "bench"
    names = sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_"))
    if name in ("-h", "--help"):  # what follows a name belongs to the benchmark, its own --help too
        typer.echo(context.get_help())
        for each in names:
            docstring = ast.get_docstring(ast.parse((folder / f"{each}.py").read_text(encoding="utf-8"))) or ""
            typer.echo(f" {each:<{max(map(len, names))}}  {' '.join(docstring.split(chr(10) * 2)[0].split())}")
        return
    if name not in names:
        raise HeadgateError(
            f"there is no benchmark {name!r}", where=str(folder), next_step=f"choose one of {', '.join(names)}"
        )
    projects = [
        *choose_projects(settings.root, ["headgate", "acme"]),
        *(p for p in find_projects(settings.root) if p.is_team),
    ]
    require_environments(settings, projects)
    sources = [str(project.folder / "src") for project in projects if project.is_team]
    environment = {
        **os.environ,
        "HEADGATE_ROOT": str(settings.root),
        "HEADGATE_HOME": str(settings.state_folder),
        "PYTHONPATH": os.pathsep.join(sources),
    }
    command = [str(environment_python(settings, "headgate")), str(folder / f"{name}.py"), *context.args]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)
