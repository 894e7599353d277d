"""The data dictionary: one page a published table, written from its contract when the documentation is built.

What belongs here: turning contracts and manifests into Markdown under `docs/dictionary/` (not committed). What does
not: reading a contract (`headgate.contract`), or what contracts and manifests alone do not say, such as row counts.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from sphinx.application import Sphinx

from headgate.contract import Column, Contract, Rule
from headgate.environment import read_settings
from headgate.orchestration.dbt.published import is_parsed, published_contracts
from headgate.team import Team, list_teams

Contracts = dict[str, dict[str, Contract]]
"""Team → table → contract."""

_GRAIN = re.compile(r"\s*Grain(?: is|:)?\s+(?P<grain>[^.]+)\.", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#$~])")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _write_dictionary)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_dictionary(app: Sphinx) -> None:
    write_dictionary(root=Path(app.srcdir).parent, folder=Path(app.srcdir) / "dictionary")


def write_dictionary(*, root: Path, folder: Path) -> list[Path]:
    """Writes the pages of every team, removes those of tables that are gone, and returns what is there now.

    Args:
        root: the repository.
        folder: where the pages go: `index.md` and `<team>/<table>.md`.

    What the public models of a dbt project publish is there once some process has parsed the project as it is now:
    `headgate docs` sees to that, and `headgate build`; here there is no dbt.

    Raises:
        ContractError, DbtError, TeamError: a contract, a public model or a manifest is malformed.
    """
    teams = list_teams(root)
    settings = read_settings().model_copy(update={"root": root})
    contracts = {team.name: published_contracts(team, settings) for team in teams}
    unparsed = {team.name for team in teams if not is_parsed(team, settings)}
    pages = {folder / "index.md": render_index(teams, contracts, unparsed)}
    for team in teams:
        for table, contract in contracts[team.name].items():
            pages[folder / team.name / f"{table}.md"] = render_table(contract, team, teams, contracts)
    for stale in set(folder.rglob("*.md")) - pages.keys():
        stale.unlink()
    for path, text in pages.items():
        # An unchanged page keeps its time, so that Sphinx does not read it again.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return sorted(pages)


# --- pages -----------------------------------------------------------------------------------------------------------


def render_index(teams: Sequence[Team], contracts: Contracts, unparsed: Collection[str] = ()) -> str:
    """The list of all published tables, by team; `unparsed` names teams whose dbt project may publish more."""
    parts = [
        "# Data dictionary",
        "Every table that a team publishes, as its contract describes it. The pages are written from "
        "`teams/*/contracts/*.odcs.yaml`, and from the public models of dbt projects, when the documentation is built; to "
        "change one, change the contract or the model's description.",
    ]
    for team in teams:
        parts += [f"## {team.name}", _text(team.description)]
        if team.name in unparsed:
            parts.append("Its dbt project was not parsed yet: what only that publishes is not listed.")
        if not contracts[team.name]:
            parts.append("Publishes nothing.")
            continue
        rows = [
            [f"[{table}]({team.name}/{table}.md)", f"`{contract.version}`", _text(_split_grain(contract)[0])]
            for table, contract in contracts[team.name].items()
        ]
        parts.append(_table(["table", "version", "what it holds"], rows))
        names = "\n".join(f"{team.name}/{table}" for table in contracts[team.name])
        parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return _page(parts)


def render_table(contract: Contract, team: Team, teams: Sequence[Team], contracts: Contracts) -> str:
    """One table's page."""
    description, grain = _split_grain(contract)
    parts = [f"# {contract.qualified_table}", _text(description)]
    facts = [
        ["grain", _text(grain)],
        ["key", _codes(contract.primary_key) or "none"],
        ["owner", _text(contract.owner or team.owner)],
        ["contract", f"version `{contract.version}`, {contract.status}, `{_relative(contract.path, team)}`"],
        ["published by", _PUBLISH_MODES[contract.publish_mode].format(partition=_codes(contract.partition_by))],
    ]
    if contract.partition_by:
        facts.append(["partitioned by", _codes(contract.partition_by)])
    parts.append(_table(["", ""], facts))
    for title, text in (("Use", contract.usage), ("Limits", contract.limitations)):
        if text:
            parts += [f"## {title}", _text(text)]
    parts += ["## Columns", _table(_COLUMN_HEADS, [_column_row(column) for column in contract.columns])]
    if any(column.classification for column in contract.columns):
        parts.append(
            "A *hash* is keyed: equal values stay equal, and the value cannot be guessed without the key. "
            "A *mask* keeps the shape of the value. See [personal data](../../the-gate.md#personal-data)."
        )
    parts += ["## Rules", "An *error* refuses the publication; a *warning* lets the rows pass and counts them."]
    parts.append(_table(["rule", "severity", "columns", "what must hold"], [_rule_row(r) for r in contract.rules]))
    parts += ["## Consumers", _consumers(contract, teams, contracts)]
    parts += ["## Service levels", _service_levels(contract)]
    return _page(parts)


_COLUMN_HEADS = ["column", "type", "null", "personal", "description"]

_PUBLISH_MODES = {
    "replace": "replacing the whole table",
    "partition": "replacing one partition at a time ({partition})",
    "merge": "replacing the rows that have the same key",
}


def _column_row(column: Column) -> list[str]:
    personal = column.classification
    if column.masking != "none":
        personal = f"{column.classification}, published as a {column.masking}"
    examples = ", ".join(f"`{value}`" for value in column.examples if column.masking == "none")
    description = _text(column.description) + (f" For example {examples}." if examples else "")
    return [
        f"`{column.name}`",
        f"`{column.sql_type}`",
        "no" if column.required else "yes",
        _text(personal),
        description,
    ]


def _rule_row(rule: Rule) -> list[str]:
    columns = "all" if rule.kind == "type" else _codes(rule.columns)
    promise = _text(rule.description)
    if any(str(value) not in rule.description for value in rule.allowed_values):
        promise += f" (allowed: {_codes(rule.allowed_values)})"
    return [f"`{rule.name}`", rule.severity, columns, promise]


def _consumers(contract: Contract, teams: Sequence[Team], contracts: Contracts) -> str:
    name = contract.qualified_table
    lines = [
        f"- team `{team.name}` accepts versions `{team.consumes[name]}`" for team in teams if name in team.consumes
    ]
    for tables in contracts.values():
        for other in tables.values():
            keys = [
                ", ".join(rule.columns) for rule in other.rules if rule.references and rule.references.table == name
            ]
            if keys:
                link = f"[{other.qualified_table}](../{other.team}/{other.table}.md)"
                lines.append(f"- {link} refers to it by {_codes(keys)}")
    return "\n".join(lines) or "No other team consumes it, and no other table refers to it."


def _service_levels(contract: Contract) -> str:
    if not contract.service_levels:
        return "The contract promises none."
    rows = [
        [
            _text(level.property),
            _text(f"{level.value} {level.unit}".strip() + (f" ({level.target} % of the time)" if level.limit else "")),
            _text(level.element or "the table"),
            _text(level.description),
        ]
        for level in contract.service_levels
    ]
    return _table(["property", "value", "of", "description"], rows)


def _split_grain(contract: Contract) -> tuple[str, str]:
    """The description without its sentence on the grain, and the grain; by the key where there is no such sentence."""
    found = _GRAIN.search(contract.description)
    if found:
        without = contract.description[: found.start()] + contract.description[found.end() :]
        return without.strip(), found["grain"].strip()
    by_key = f"one row for each {', '.join(contract.primary_key)}" if contract.primary_key else "not stated"
    return contract.description.strip(), by_key


# --- Markdown --------------------------------------------------------------------------------------------------------


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(value: str) -> str:
    """Words of a contract as Markdown that shows them as they are."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def _codes(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _relative(path: Path, team: Team) -> str:
    return path.relative_to(team.folder.parents[1]).as_posix()
