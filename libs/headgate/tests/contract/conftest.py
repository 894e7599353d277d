"""What the tests of contracts share: small contracts, and datacontract-cli as an independent opinion on the same rows.

datacontract-cli knows no DuckLake, so its DuckDB connection is replaced by one over the connection under test.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import duckdb
import ibis
import pytest
import yaml
from datacontract.engines.checks.check_spec import CheckSpec
from datacontract.engines.checks.create_checks import create_checks
from datacontract.engines.ibis import ibis_check_execute
from datacontract.lint.resolve import resolve_data_contract
from datacontract.model.run import ResultEnum, Run
from open_data_contract_standard.model import SchemaObject, SchemaProperty, Server

from headgate.contract import Contract, load_contract

_HEAD = """\
apiVersion: {standard}
kind: DataContract
id: shop.orders
name: Orders
version: {version}
status: active
team:
  name: shop
"""
_SUFFIXES = {
    "field_required": "not_null",
    "field_primary_key_required": "not_null",
    "field_unique": "unique",
    "field_primary_key_unique": "unique",
    "field_minimum": "range",
    "field_maximum": "range",
    "field_not_equal": "range",
    "field_min_length": "length",
    "field_max_length": "length",
    "field_regex": "pattern",
    "field_enum": "allowed_values",
    "field_null_values": "null_values",
    "field_missing_values": "missing_values",
    "field_duplicate_values": "unique",
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory, in UTC as the lake is."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


@pytest.fixture
def write_contract(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small contract into the test's folder; the options are those of `write_contract_file`."""

    def write(properties: str, **options: str) -> Path:
        return write_contract_file(tmp_path, properties, **options)

    return write


@pytest.fixture
def read_contract(write_contract: Callable[..., Path]) -> Callable[..., Contract]:
    """Writes a small contract and loads it."""

    def read(properties: str, **options: str) -> Contract:
        return load_contract(write_contract(properties, **options))

    return read


@pytest.fixture(scope="session")
def oracle() -> Callable[..., "dict[str, Opinion]"]:
    return ask_oracle


def write_contract_file(
    folder: Path,
    properties: str,
    *,
    table: str = "",
    top: str = "",
    standard: str = "v3.2.0",
    version: str = "1.0.0",
    name: str = "orders",
) -> Path:
    """Writes `<name>.odcs.yaml` into a folder.

    Args:
        folder: where.
        properties: YAML of the list of columns, from column 0. A description is added where one is missing.
        table: YAML of further keys of the table.
        top: YAML of further keys of the contract.
        standard: the version of the standard.
        version: the version of the contract.
        name: the table.
    """
    text = _HEAD.format(standard=standard, version=version) + dedent(top)
    text += f"schema:\n  - name: {name}\n    description: Orders.\n    properties:\n"
    for line in dedent(properties).strip("\n").splitlines():
        text += f"      {line}\n"
        if line.startswith("- name:") and "\n  description:" not in properties:
            text += "        description: A column.\n"
    text += indent(dedent(table), "    ")
    path = folder / f"{name}.odcs.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True)
class Opinion:
    """What datacontract-cli says of one of our rules. Several of its checks may stand for one rule."""

    passed: bool
    failed_rows: int | None
    """Rows that break the rule, where it counts rows."""


def ask_oracle(
    connection: duckdb.DuckDBPyConnection, path: Path, *, foreign: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Opinion]:
    """Runs every check of datacontract-cli on the table of a contract.

    Args:
        connection: holds a table named like the contract's.
        path: the contract.
        foreign: other tables of the connection, with their columns, that foreign keys point at.

    Returns:
        Our rule's name → its opinion. `schema` stands for all checks of presence and type.
    """
    contract = resolve_data_contract(str(path))
    server = Server(server="test", type="duckdb", database=":memory:", schema="main")
    own = contract.schema_[0]
    others = [
        SchemaObject(name=table, properties=[SchemaProperty(name=name) for name in columns])
        for table, columns in (foreign or {}).items()
    ]
    both = contract.model_copy(update={"schema_": [_drop_teams(own), *others]})
    specs = [spec for spec in create_checks(both, server) if spec.model == own.name]
    for number, spec in enumerate(specs):
        spec.key += (
            f"#{number}"  # two rules of one metric on one column have one key, and would then both go unanswered
        )
    run = Run.create_run()
    run.checks.extend(ibis_check_execute.build_check_stubs(specs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ibis_check_execute, "connect_ibis", lambda *_, **__: ibis.duckdb.from_connection(connection))
        patch.setattr(ibis_check_execute, "_maybe_disconnect", lambda *_: None)
        ibis_check_execute.execute_ibis_checks(run, both, server, specs)
    return _collect(specs, run)


def _drop_teams(table: SchemaObject) -> SchemaObject:
    """Its checks follow `table.column`, and not the `team.table.column` that the standard's v3.2 allows."""

    def shorten(to: str | list[str]) -> str | list[str]:
        return ".".join(to.split(".")[-2:]) if isinstance(to, str) else [str(shorten(one)) for one in to]

    properties = [
        declared.model_copy(
            update={
                "relationships": [
                    one.model_copy(update={"to": shorten(one.to)}) for one in declared.relationships or []
                ]
            }
        )
        for declared in table.properties
    ]
    relationships = [one.model_copy(update={"to": shorten(one.to)}) for one in table.relationships or []]
    return table.model_copy(update={"properties": properties, "relationships": relationships})


def _collect(specs: Sequence[CheckSpec], run: Run) -> dict[str, Opinion]:
    verdicts: dict[str, list[tuple[bool, int | None]]] = defaultdict(list)
    for spec, check in zip(specs, run.checks, strict=True):
        is_answer = check.result in (ResultEnum.passed, ResultEnum.failed) or spec.severity == "warning"
        assert is_answer, f"{spec.key}: {check.result} {check.reason}"
        measured = check.diagnostics or {}
        rows = measured.get("failed_rows", measured.get("value"))
        counts = spec.metric.value in ("missing_count", "invalid_count", "duplicate_count", "missing_reference_count")
        verdicts[_name_rule(spec)].append((check.result == ResultEnum.passed, rows if counts else None))
    return {
        name: Opinion(
            passed=all(passed for passed, _ in found),
            failed_rows=None if any(rows is None for _, rows in found) else sum(rows or 0 for _, rows in found),
        )
        for name, found in verdicts.items()
    }


def _name_rule(spec: CheckSpec) -> str:
    """The name that our rule has for one of its checks."""
    written = yaml.safe_load(spec.quality_definition) if spec.quality_definition else {}
    if named := written.get("name"):
        return str(named)
    if spec.type in ("field_is_present", "field_type", "field_physical_type"):
        return "schema"
    if spec.type in ("primary_key_unique", "model_duplicate_values"):
        return "__".join([*(spec.columns or []), "unique"])
    if spec.type == "field_relationships":
        return "__".join([*(spec.columns or []), "foreign_key"])
    if spec.type == "row_count":
        return "row_count"
    if spec.type == "field_invalid_values":
        return f"{spec.field}__{'allowed_values' if spec.valid_values is not None else 'pattern'}"
    return f"{spec.field}__{_SUFFIXES[spec.type]}"
