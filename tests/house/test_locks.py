"""Every project is locked: pinned, hashed, tied to no index and no machine, and in step with its manifest."""

import re

import pytest
from repository import PROJECTS

from headgate_control.locks import check_lock, find_unmet
from headgate_control.projects import Project

every_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)


@every_project
def test_lock_names_no_address_and_no_path(project: Project) -> None:
    check_lock(project.lock)


@every_project
def test_every_pin_has_hashes(project: Project) -> None:
    text = project.lock.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) > 5
    unhashed = [block.split()[0] for block in blocks if "--hash=sha256:" not in block or "==" not in block]
    assert unhashed == []


@every_project
def test_lock_fits_the_manifest(project: Project) -> None:
    assert find_unmet(project) == [], f"run `headgate lock {project.name}`"
