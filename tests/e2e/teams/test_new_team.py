"""A team's whole life by the command line: made, built, tested, consumed by another, kept while it is, and gone."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_control import databases

from ..installation import ROOT, Installation, Result, copy_repository


@pytest.fixture
def clone(folder: Path, environments: Path) -> Iterator[Installation]:
    """A copy of the repository under git, with team analytics as the only neighbour."""
    clone = copy_repository(folder / "new team", environments, teams=["analytics"])
    (clone.root / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    git(clone, "init", "--quiet")
    commit(clone)
    yield clone
    databases.stop(clone.settings)


def git(clone: Installation, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", str(clone.root), *identity, *arguments], check=True, capture_output=True)


def commit(clone: Installation) -> None:
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "all")


def tree(clone: Installation) -> set[str]:
    """Every file and folder that is not the state folder's, git's or an interpreter's."""
    places = (path.relative_to(clone.root) for path in clone.root.rglob("*"))
    return {str(place) for place in places if not {".headgate", ".git", "__pycache__"} & set(place.parts)}


def done(result: Result) -> str:
    """What a command printed that had to succeed."""
    assert result.code == 0, result.text
    return result.out


def query(clone: Installation, sql: str) -> list[str]:
    return done(clone.run("query", sql, "--format", "csv")).split()


def test_a_team_is_made_built_consumed_and_removed(clone: Installation) -> None:
    before = tree(clone)

    # Made, and built: from the name to an audited, published table.
    printed = done(clone.run("new", "team", "first", "--with-ml"))
    assert "teams/first publishes first.visits_by_day and first.visits_by_day_levels" in printed
    assert clone.build("--team", "first", "--orders", "1k").summary == (3, 0, 0)
    counted = query(clone, "select count(*) as days, sum(row_count)::int as visits from first.visits_by_day")
    assert counted == ["days,visits", "14,50"]
    levels = query(clone, "select distinct level from first.visits_by_day_levels order by level")
    assert levels == ["level", "busy", "quiet", "usual"]

    # Its own tests pass alone, by plain pytest from its folder, in its own environment.
    tests = subprocess.run(
        [clone.home / "envs" / "first" / "bin" / "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=clone.root / "teams" / "first",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "7 passed" in tests.stdout

    # Deployments have it.
    assert "code-first" in done(clone.run("deployment", "compose"))
    assert "location_name: first" in done(clone.run("deployment", "dagster-cloud"))

    # A second time nothing is changed.
    made = tree(clone)
    assert "nothing was changed" in done(clone.run("new", "team", "first", "--with-ml"))
    assert tree(clone) == made
    commit(clone)

    # Another new team builds on it.
    done(clone.run("new", "team", "second", "--from-table", "first.visits_by_day"))
    assert clone.build("--team", "second").summary == (1, 0, 0)
    counted = query(clone, "select count(*) as days, sum(row_count)::int as n from second.visits_by_day_by_day")
    assert counted == ["days,n", "14,14"]

    # While it does, the first one stays, and whose fault that is is said.
    refused = clone.run("remove", "team", "first", "--yes")
    assert refused.code == 2
    refused.error("second consumes first.visits_by_day")
    assert made <= tree(clone)

    # Both go, the consumer first, and nothing of them is left: no file, no zone, no role.
    assert "removed role second" in done(clone.run("remove", "team", "second", "--yes"))
    assert "removed role first" in done(clone.run("remove", "team", "first", "--yes"))
    assert tree(clone) == before
    assert "first" not in done(clone.run("deployment", "compose"))
    left = [path for name in ("first", "second") for path in clone.home.rglob(f"{name}*")]
    assert [path for path in left if not {"site-packages", "postgres"} & set(path.parts)] == []
    gone = clone.run("remove", "team", "first", "--yes")
    assert gone.code == 2
    gone.error("there is no team 'first'")
