"""Which names a new team may have.

A team's name is at once a folder, a Python package, a PostgreSQL role and an SQL schema. What belongs here: why a name
cannot be one of them. What does not: writing anything.
"""

import keyword
import re
import sys
from pathlib import Path

from headgate.errors import HeadgateError
from headgate.team import TEAM_NAME
from headgate_control.projects import find_projects
from headgate_control.zone_names import RESERVED_NAMES

LONGEST_NAME = 39

_WORDS = (
    "all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast "
    "check collate collation column columns concurrently constraint create cross current_catalog current_date "
    "current_role current_schema current_time current_timestamp current_user default deferrable desc describe "
    "distinct do else end except false fetch for foreign freeze from full generated glob grant group having "
    "ilike in initially inner intersect into is isnull join lambda lateral leading left like limit localtime "
    "localtimestamp map natural none not notnull null offset on only or order outer overlaps pivot "
    "pivot_longer pivot_wider placing positional primary qualify references returning right select semi "
    "session_user show similar some struct summarize symmetric system_user table tablesample then to trailing "
    "true try_cast union unique unpack unpivot user using variadic verbose when where window with "
)

SQL_WORDS = frozenset(_WORDS.split())
"""Words that PostgreSQL or DuckDB reserve: `select … from order.visits` would have to be quoted everywhere."""

_INSTALLED_NAMES = frozenset(
    {"attr", "dateutil", "git", "google", "grpc", "ibis", "jwt", "psycopg2", "sklearn", "yaml"}
)
"""Modules of packages that are named otherwise: a lock does not tell, and an environment may not be there to tell."""

_PYTHON_NAMES = frozenset({"conftest", "test", "tests", *sys.stdlib_module_names})


class TeamNameError(HeadgateError):
    """A team cannot have this name."""


def check_name(name: str, *, root: Path, environments: Path) -> None:
    """Refuses a name that cannot become a team.

    Args:
        name: what a person typed.
        root: the repository, whose projects have names too.
        environments: the folder of the environments; a package installed in one of them has a name too.

    Raises:
        TeamNameError: with the reason and what to choose instead.
    """
    problem = _find_problem(name, root, environments)
    if problem is not None:
        shown = repr(name if len(name) <= LONGEST_NAME + 1 else f"{name[:LONGEST_NAME]}…")
        raise TeamNameError(
            f"a team cannot be named {shown}: {problem}",
            where="the team's name",
            next_step=f"choose another: a letter, then lower-case letters, digits and _, at most {LONGEST_NAME}",
        )


def _find_problem(name: str, root: Path, environments: Path) -> str | None:
    """Why the name cannot be a team's; None when it can."""
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters"
    if not re.match("[a-z]", name):
        return "it does not begin with a letter from a to z"
    if not TEAM_NAME.fullmatch(name):
        return "it holds more than lower-case letters, digits and _"
    if name.endswith("_"):
        return "it ends with _, which no image's name may"
    if name.endswith("_private"):
        return f"it would be the private zone of a team {name.removesuffix('_private')}"
    if keyword.iskeyword(name):
        return "it is a word of the Python language"
    if name in SQL_WORDS:
        return "it is a reserved word of SQL"
    if name in _PYTHON_NAMES:
        return "it is a module of Python's own library"
    if name in RESERVED_NAMES or name.startswith(("pg_", "headgate_")):
        return "the platform uses that name itself"
    for project in find_projects(root):
        if name in (project.name, project.package):
            return f"{project.place} has it"
    packages = [path for suffix in ("", ".py") for path in environments.glob(f"*/lib/*/site-packages/{name}{suffix}")]
    if packages or name in _INSTALLED_NAMES or _is_locked(name, root):
        return "a package that the teams install has it"
    return None


def _is_locked(name: str, root: Path) -> bool:
    """Whether a lock of the repository pins a package of that name."""
    pin = f"{name.replace('_', '-')}=="
    locks = [*root.glob("*/requirements.lock"), *root.glob("*/*/requirements.lock")]
    return any(line.startswith(pin) for path in locks for line in path.read_text(encoding="utf-8").splitlines())
