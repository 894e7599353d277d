"""What the house checks share: the projects and how to run a tool over them."""

import os
import subprocess
import sys
from pathlib import Path

from headgate_control.projects import Project, find_projects

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = find_projects(ROOT)
SOURCES = [str(project.folder / "src") for project in PROJECTS if (project.folder / "src").is_dir()]


def run_tool(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the control plane's environment in the root."""
    program = str(Path(sys.prefix) / "bin" / command[0])
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160", **variables}
    return subprocess.run(
        [program, *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def project_python(project: Project) -> Path:
    """The interpreter of a project's environment, as `headgate test` made it."""
    home = Path(os.environ.get("HEADGATE_TEST_HOME") or ROOT / ".headgate")
    return home / "envs" / project.name / "bin" / "python"
