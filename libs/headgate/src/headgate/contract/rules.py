"""From a contract's document to its rules: one `Rule` for everything the contract promises about the rows.

Names are `<column>__<kind>`, `<column>__<column>__<kind>` for several columns, the `name` of a quality rule where it has one,
`schema` for the columns themselves and `row_count` for the table. They are stable: history and checks are kept under them.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import duckdb

from headgate.contract.document import Property, Quality, Relationship, Table, TypeOptions
from headgate.contract.literals import quote_name, quote_text, write_literal
from headgate.contract.model import Column, Reference, Rule, RuleKind, Threshold
from headgate.contract.sandbox import UnsafeQuery, check_query
from headgate.contract.source import KeyPath, Source
from headgate.contract.thresholds import read_threshold

_RULE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REFERENCE = re.compile(r"(?:([a-z][a-z0-9_]*)\.)?([a-z][a-z0-9_]*)\.([a-z_][a-z0-9_]*)")
_UPPER_LIMITS = ("<", "<=")
_ROWS: KeyPath = ("schema", 0)


class RuleReader:
    """Derives the rules of one table. Errors point at the line in `source`."""

    def __init__(
        self, table: Table, columns: Sequence[Column], primary_key: Sequence[str], *, team: str, source: Source
    ) -> None:
        self.table = table
        self.team = team
        self.source = source
        self.columns = {column.name: column for column in columns}
        self.primary_key = tuple(primary_key)
        self.references = self._read_references()
        self.rules: list[Rule] = []
        self._paths: dict[str, KeyPath] = {}

    def read(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the contract.

        Raises:
            ContractError: contradictory bounds, a regular expression DuckDB does not know, an unknown column, unsafe SQL, …
        """
        self._add(
            Rule(
                name="schema",
                kind="type",
                columns=tuple(self.columns),
                description="The columns are those of the contract, with types that fit",
            ),
            _ROWS,
        )
        for index, declared in enumerate(self.table.properties):
            self._read_property(declared, (*_ROWS, "properties", index))
        if len(self.primary_key) > 1:
            self._add_unique(self.primary_key, "the primary key", _ROWS)
        for relationship, columns, reference, path in self.references:
            self._add_foreign_key(relationship, columns, reference, path)
        self._read_quality(self.table.quality, None, _ROWS)
        if not any(rule.kind == "row_count" for rule in self.rules):
            self._add(
                Rule(
                    name="row_count",
                    kind="row_count",
                    threshold=Threshold(">", 0),
                    description="The table has at least one row",
                ),
                _ROWS,
            )
        return tuple(self.rules)

    # --- columns -----------------------------------------------------------------------------------------------------

    def _read_property(self, declared: Property, path: KeyPath) -> None:
        column = self.columns[declared.name]
        options = (*path, "logicalTypeOptions")
        if column.required:
            self._add_row_rule(
                column, "not_null", f"{quote_name(column.name)} is null", f"{column.name} is never null", path
            )
        if column.unique:
            self._add_unique((column.name,), column.name, path)
        self._read_range(declared.logicalTypeOptions, column, options)
        self._read_length(declared.logicalTypeOptions, column, options)
        if declared.logicalTypeOptions.pattern is not None:
            violation = self._violate_pattern(column, declared.logicalTypeOptions.pattern, (*options, "pattern"))
            words = f"{column.name} matches {declared.logicalTypeOptions.pattern}"
            self._add_row_rule(column, "pattern", violation, words, options)
        if declared.enum is not None:
            values = [entry.value for entry in declared.enum]
            violation = self._violate_values(column, values, (*path, "enum"))
            words = f"{column.name} is one of {', '.join(map(str, values))}"
            self._add_row_rule(column, "allowed_values", violation, words, path)
        self._read_quality(declared.quality, column, path)

    def _read_range(self, options: TypeOptions, column: Column, path: KeyPath) -> None:
        given = {
            key: value
            for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
            if (value := getattr(options, key)) is not None
        }
        if not given:
            return
        if column.logical_type not in ("integer", "number", "date", "timestamp", "time"):
            raise self.source.error(
                f"{next(iter(given))} has no meaning for a {column.logical_type}",
                "remove it, or use minLength, maxLength or pattern",
                (*path, next(iter(given))),
            )
        for one, other in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if one in given and other in given:
                raise self.source.error(f"both {one} and {other} are given", "keep one", (*path, other))
        written = {key: self._write(value, column, (*path, key)) for key, value in given.items()}
        self._refuse_empty_range(given, written, path)
        name = quote_name(column.name)
        signs = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}
        violations = [f"{name} {signs[key]} {literal}" for key, literal in written.items()]
        if column.sql_type in ("FLOAT", "DOUBLE"):
            violations.append(f"isnan({name})")
        words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
        described = " and ".join(f"{words[key]} {value}" for key, value in given.items())
        self._add_row_rule(column, "range", " or ".join(violations), f"{column.name} is {described}", path)

    def _refuse_empty_range(self, given: Mapping[str, object], written: Mapping[str, str], path: KeyPath) -> None:
        lower = next((key for key in ("minimum", "exclusiveMinimum") if key in given), None)
        upper = next((key for key in ("maximum", "exclusiveMaximum") if key in given), None)
        if lower is None or upper is None:
            return
        sign = "<=" if lower == "minimum" and upper == "maximum" else "<"
        row = _engine().execute(f"select {written[lower]} {sign} {written[upper]}").fetchone()
        if row is not None and not row[0]:
            raise self.source.error(
                f"{lower} {given[lower]} and {upper} {given[upper]} contradict each other: no value fits",
                "mend one of the bounds",
                (*path, upper),
            )

    def _read_length(self, options: TypeOptions, column: Column, path: KeyPath) -> None:
        if options.minLength is None and options.maxLength is None:
            return
        key = "maxLength" if options.minLength is None else "minLength"
        text = self._write_text(column, key, (*path, key))
        violations = []
        described = []
        if options.minLength is not None:
            violations.append(f"length({text}) < {options.minLength}")
            described.append(f"at least {options.minLength}")
        if options.maxLength is not None:
            violations.append(f"length({text}) > {options.maxLength}")
            described.append(f"at most {options.maxLength}")
        if options.minLength is not None and options.maxLength is not None and options.minLength > options.maxLength:
            raise self.source.error(
                f"minLength {options.minLength} and maxLength {options.maxLength} contradict each other",
                "mend one of them",
                (*path, "maxLength"),
            )
        words = f"{column.name} has {' and '.join(described)} characters"
        self._add_row_rule(column, "length", " or ".join(violations), words, path)

    def _violate_pattern(self, column: Column, pattern: str, path: KeyPath) -> str:
        text = self._write_text(column, "pattern", path)
        try:
            _engine().execute("select regexp_matches('', ?, 's')", [pattern])
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].partition(": ")[2]
            raise self.source.error(
                f"{pattern} is not a regular expression of DuckDB (RE2): {reason}",
                "mend it; look-around and back-references do not exist there",
                path,
            ) from None
        return f"not regexp_matches({text}, {quote_text(pattern)}, 's')"

    def _violate_values(self, column: Column, values: Sequence[object], path: KeyPath) -> str:
        if not values:
            raise self.source.error("no value is allowed", "list at least one", path)
        literals = [self._write(value, column, (*path, index)) for index, value in enumerate(values)]
        return f"{quote_name(column.name)} not in ({', '.join(literals)})"

    def _write(self, value: object, column: Column, path: KeyPath) -> str:
        try:
            return write_literal(value, column.sql_type)
        except ValueError as error:
            raise self.source.error(str(error), f"write a value of the type of {column.name}", path) from None

    def _write_text(self, column: Column, key: str, path: KeyPath) -> str:
        if column.logical_type != "string":
            raise self.source.error(
                f"{key} has no meaning for a {column.logical_type}", "remove it, or make the column a string", path
            )
        name = quote_name(column.name)
        return name if column.sql_type == "VARCHAR" else f"cast({name} as varchar)"

    # --- foreign keys ------------------------------------------------------------------------------------------------

    def _read_references(self) -> list[tuple[Relationship, tuple[str, ...], Reference, KeyPath]]:
        read = []
        for index, declared in enumerate(self.table.properties):
            for number, relationship in enumerate(declared.relationships):
                path = (*_ROWS, "properties", index, "relationships", number)
                if relationship.source is not None:
                    raise self.source.error(
                        "a foreign key under a property has no from", "remove from", (*path, "from")
                    )
                read.append((relationship, (declared.name,), self._read_reference(relationship.to, 1, path), path))
        for number, relationship in enumerate(self.table.relationships):
            path = (*_ROWS, "relationships", number)
            named = relationship.source if isinstance(relationship.source, list) else [relationship.source or ""]
            columns = tuple(name.removeprefix(f"{self.table.name}.") for name in named)
            self._require_columns(columns, (*path, "from"))
            read.append((relationship, columns, self._read_reference(relationship.to, len(columns), path), path))
        return read

    def _read_reference(self, to: str | list[str], count: int, path: KeyPath) -> Reference:
        targets = [to] if isinstance(to, str) else to
        where = (*path, "to")
        if len(targets) != count:
            raise self.source.error(
                f"the foreign key has {count} columns and points at {len(targets)}", "name as many on both sides", where
            )
        matches = [_REFERENCE.fullmatch(target) for target in targets]
        for target, match in zip(targets, matches, strict=True):
            if match is None:
                raise self.source.error(
                    f"{target} is not the name of a column", "write team.table.column or table.column", where
                )
            if match[1] is not None and self.source.content["apiVersion"] == "v3.1.0":
                raise self.source.error(
                    f"{target} names a team, which the standard allows from v3.2.0 on",
                    "set apiVersion: v3.2.0, or write table.column for a table of the same team",
                    where,
                )
        tables = {f"{match[1] or self.team}.{match[2]}" for match in matches if match}
        if len(tables) != 1:
            raise self.source.error("the foreign key points at several tables", "point at one", where)
        return Reference(tables.pop(), tuple(match[3] for match in matches if match))

    def _add_foreign_key(
        self, relationship: Relationship, columns: tuple[str, ...], reference: Reference, path: KeyPath
    ) -> None:
        target = ", ".join(f"{reference.table}.{name}" for name in reference.columns)
        self._add(
            Rule(
                name="__".join([*columns, "foreign_key"]),
                kind="foreign_key",
                columns=columns,
                references=reference,
                description=f"{', '.join(columns)} is null or found in {target}",
            ),
            path,
        )

    # --- quality rules -----------------------------------------------------------------------------------------------

    def _read_quality(self, qualities: Sequence[Quality], column: Column | None, path: KeyPath) -> None:
        for index, quality in enumerate(qualities):
            where = (*path, "quality", index)
            if quality.name is not None and not _RULE_NAME.fullmatch(quality.name):
                raise self.source.error(
                    f"{quality.name!r} is not the name of a rule",
                    "use lower-case letters, digits and _",
                    (*where, "name"),
                )
            if quality.type == "text":
                continue
            if quality.type == "sql":
                self._read_sql(quality, column, where)
            else:
                self._read_metric(quality, column, where)

    def _read_metric(self, quality: Quality, column: Column | None, path: KeyPath) -> None:
        metric = quality.metric
        if metric is None or quality.query is not None:
            raise self.source.error(
                "the rule has no metric" if metric is None else "a rule of type library has no query",
                "name a metric such as nullValues, or set type: sql with a query",
                path,
            )
        self._refuse_arguments(quality, path)
        threshold = read_threshold(quality, self.source, path)
        if metric == "duplicateValues":
            self._read_duplicates(quality, column, threshold, path)
            return
        if metric == "rowCount":
            if column is not None:
                raise self.source.error("rowCount belongs to the table", "put it under the table's quality", path)
            words = f"The table has {threshold} rows"
            self._add_measured(quality, "row_count", "row_count", (), threshold, None, words, path)
            return
        if column is None:
            raise self.source.error(f"{metric} belongs to a property", "put it under a property's quality", path)
        kind, violation, words = self._violate_metric(quality, column, path)
        suffix = {"nullValues": "null_values", "missingValues": "missing_values"}.get(metric, kind)
        described = words if threshold == Threshold("=", 0) else f"Rows with {words}: {threshold}"
        self._add_measured(
            quality, f"{column.name}__{suffix}", kind, (column.name,), threshold, violation, described, path
        )

    def _refuse_arguments(self, quality: Quality, path: KeyPath) -> None:
        allowed = {
            "missingValues": {"missingValues"},
            "invalidValues": {"validValues", "pattern"},
            "duplicateValues": {"properties"},
        }.get(quality.metric or "", set())
        given = quality.arguments.model_fields_set if quality.arguments else set()
        if unknown := sorted(given - allowed):
            raise self.source.error(
                f"{quality.metric} has no argument {unknown[0]}",
                f"use {' or '.join(sorted(allowed))}" if allowed else "remove it",
                (*path, "arguments", unknown[0]),
            )

    def _violate_metric(self, quality: Quality, column: Column, path: KeyPath) -> tuple[RuleKind, str, str]:
        name = quote_name(column.name)
        arguments = quality.arguments
        if quality.metric == "nullValues":
            return "not_null", f"{name} is null", f"{column.name} null"
        if quality.metric == "missingValues":
            values = [value for value in (arguments.missingValues or [] if arguments else []) if value is not None]
            where = (*path, "arguments", "missingValues")
            literals = [self._write(value, column, (*where, index)) for index, value in enumerate(values)]
            listed = f" or {name} in ({', '.join(literals)})" if literals else ""
            return "not_null", f"{name} is null{listed}", f"{column.name} missing"
        violations = []
        kind: RuleKind = "pattern"
        if arguments is not None and arguments.validValues is not None:
            where = (*path, "arguments", "validValues")
            violations.append(self._violate_values(column, arguments.validValues, where))
            kind = "allowed_values"
        if arguments is not None and arguments.pattern is not None:
            violations.append(self._violate_pattern(column, arguments.pattern, (*path, "arguments", "pattern")))
        if not violations:
            raise self.source.error("invalidValues says nothing of what is valid", "add validValues or pattern", path)
        return kind, " or ".join(violations), f"{column.name} invalid"

    def _read_duplicates(self, quality: Quality, column: Column | None, threshold: Threshold, path: KeyPath) -> None:
        listed = quality.arguments.properties if quality.arguments else None
        if (column is None) == (listed is None):
            raise self.source.error(
                "duplicateValues needs one column, or arguments: properties under the table",
                "put it under a property without properties, or under the table with them",
                path,
            )
        columns = (column.name,) if column is not None else tuple(listed or ())
        self._require_columns(columns, (*path, "arguments", "properties"))
        words = f"Duplicated values of {', '.join(columns)}: {threshold}"
        self._add_measured(quality, "__".join([*columns, "unique"]), "unique", columns, threshold, None, words, path)

    def _read_sql(self, quality: Quality, column: Column | None, path: KeyPath) -> None:
        if quality.query is None or quality.metric is not None or quality.arguments is not None:
            raise self.source.error(
                "a rule of type sql has a query, and neither metric nor arguments", "mend the rule", path
            )
        if quality.name is None:
            raise self.source.error(
                "a rule of type sql has no name", "name it in lower-case: its history is kept under the name", path
            )
        threshold = read_threshold(quality, self.source, path)
        try:
            safe = check_query(
                quality.query,
                team=self.team,
                table=self.table.name,
                column=column.name if column else None,
                columns={name: known.sql_type for name, known in self.columns.items()},
                foreign={reference.table for _, _, reference, _ in self.references},
            )
        except UnsafeQuery as error:
            raise self.source.error(
                f"rule {quality.name}: {error}",
                "write one SELECT over {table} that returns one value",
                (*path, "query"),
            ) from None
        counts_bad_rows = threshold == Threshold("=", 0) or threshold.operator in _UPPER_LIMITS
        is_row_rule = safe.violation is not None and counts_bad_rows
        self._add(
            Rule(
                name=quality.name,
                kind="sql",
                columns=safe.columns,
                severity=quality.severity,
                description=quality.description or f"{quality.query.strip()} {threshold}",
                threshold=threshold,
                violation=safe.violation if is_row_rule else None,
                query=None if is_row_rule else safe.text,
            ),
            path,
        )

    # --- adding ------------------------------------------------------------------------------------------------------

    def _add_row_rule(self, column: Column, kind: RuleKind, violation: str, words: str, path: KeyPath) -> None:
        name = f"{column.name}__{kind}"
        self._add(Rule(name=name, kind=kind, columns=(column.name,), violation=violation, description=words), path)

    def _add_unique(self, columns: tuple[str, ...], words: str, path: KeyPath) -> None:
        name = "__".join([*columns, "unique"])
        self._add(Rule(name=name, kind="unique", columns=columns, description=f"{words} is never repeated"), path)

    def _add_measured(
        self,
        quality: Quality,
        name: str,
        kind: RuleKind,
        columns: tuple[str, ...],
        threshold: Threshold,
        violation: str | None,
        words: str,
        path: KeyPath,
    ) -> None:
        self._add(
            Rule(
                name=quality.name or name,
                kind=kind,
                columns=columns,
                severity=quality.severity,
                description=quality.description or words,
                threshold=threshold,
                violation=violation,
            ),
            path,
        )

    def _add(self, rule: Rule, path: KeyPath) -> None:
        if rule.name in self._paths:
            line = self.source.line_of(self._paths[rule.name])
            raise self.source.error(
                f"two rules are named {rule.name}, the other on line {line}", "give this one a name of its own", path
            )
        self._paths[rule.name] = path
        self.rules.append(rule)

    def _require_columns(self, columns: Sequence[str], path: KeyPath) -> None:
        for name in columns:
            if name not in self.columns:
                raise self.source.error(
                    f"the rule is about {name!r}, and {self.table.name} has no such column",
                    f"name one of {', '.join(self.columns)}",
                    path,
                )
        if len(set(columns)) != len(columns) or not columns:
            raise self.source.error("a column is named twice, or none is", "name each once", path)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """An engine without data that reads constants the way the lake will."""
    return duckdb.connect(config={"enable_external_access": "false", "autoload_known_extensions": "false"})
