"""A new team's files, as text: the templates of `team_template/` with names put in.

What belongs here: which file comes from which template. What does not: writing them (`making`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import jinja2

from headgate_control.team_admin.example import Example

_DBT_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "src/{team}/__init__.py": "init.py",
    "src/{team}/definitions.py": "definitions.py",
    "tests/test_definitions.py": "test_definitions.py",
}
_DBT_EXAMPLE = {
    "dbt/dbt_project.yml": "example/dbt_project.yml",
    "dbt/seeds/seeds.yml": "example/seeds.yml",
    "dbt/models/visits_by_day.sql": "example/visits_by_day.sql",
    "dbt/models/models.yml": "example/models.yml",
}


@dataclass(frozen=True)
class Plan:
    """What a new team is to be.

    Args:
        team: its name.
        example: the product that it begins with.
        with_ml: whether a learnt product follows it.
    """

    team: str
    example: Example
    with_ml: bool

    @property
    def modules(self) -> list[str]:
        """The modules of assets, sorted."""
        seed = [] if self.example.source_team else ["sources"]
        return sorted(["products", *seed, *(["models"] if self.with_ml else [])])

    @property
    def tables(self) -> list[str]:
        """The tables of the team, sorted; of these `published` have a contract."""
        seed = [] if self.example.source_team else [self.example.source]
        return sorted([*seed, *self.published])

    @property
    def published(self) -> list[str]:
        return [self.example.product, *([self.example.levels] if self.with_ml else [])]

    @property
    def description(self) -> str:
        learnt = ", and their levels" if self.with_ml else ""
        return f"Counts of {self.example.source_name} by {self.example.key}{learnt}"


def render(plan: Plan) -> dict[str, str]:
    """Every file of the team but its lock: path within the team's folder → text."""
    example, package = plan.example, f"src/{plan.team}"
    chosen = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        f"contracts/{example.product}.odcs.yaml": "contracts/product.odcs.yaml.j2",
        f"{package}/__init__.py": "src/__init__.py.j2",
        f"{package}/definitions.py": "src/definitions.py.j2",
        f"{package}/products.py": "src/products.py.j2",
        "tests/test_definitions.py": "tests/test_definitions.py.j2",
        "tests/test_products.py": "tests/test_products.py.j2",
    }
    if not example.source_team:
        chosen |= {
            f"{package}/sources.py": "src/sources.py.j2",
            f"{package}/{example.source}.csv": "src/visits.csv",
        }
    if plan.with_ml:
        chosen |= {
            f"contracts/{example.levels}.odcs.yaml": "contracts/levels.odcs.yaml.j2",
            f"{package}/models.py": "src/models.py.j2",
            "tests/test_models.py": "tests/test_models.py.j2",
        }
    values = {
        "team": plan.team,
        "example": example,
        "with_ml": plan.with_ml,
        "modules": plan.modules,
        "tables": plan.tables,
        "description": plan.description,
        "key_description": f"Day of {example.column}, UTC." if example.takes_day else f"The rows' {example.column}.",
    }
    return render_templates(chosen, values)


def render_dbt(name: str, project: Path | None = None) -> dict[str, str]:
    """Every file but its lock of a team around a dbt project; with an example's project when none is given."""
    said = f"The dbt project {project.name}" if project is not None else "Visits by day, made by dbt"
    templates = {**_DBT_FILES, **({} if project is not None else _DBT_EXAMPLE)}
    chosen = {path.format(team=name): f"dbt/{template}.j2" for path, template in templates.items()}
    if project is None:
        chosen["dbt/seeds/visits.csv"] = "src/visits.csv"
    return render_templates(chosen, {"team": name, "description": said})


def render_templates(chosen: Mapping[str, str], values: Mapping[str, object]) -> dict[str, str]:
    """Path within the team's folder → text, from path → template."""
    environment = _load_templates()
    return {path: environment.get_template(template).render(values) for path, template in sorted(chosen.items())}


@cache
def _load_templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_read_template),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # what is written is Python, TOML and YAML; every name in it was checked
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _read_template(name: str) -> str:
    return (files("headgate_control") / "team_template" / name).read_text(encoding="utf-8")
