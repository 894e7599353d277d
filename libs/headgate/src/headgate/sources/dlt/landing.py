"""Writing a pull into the private zone: rows, schema, what was kept aside, and the source's state, in one transaction.

`append` adds, `replace` takes the place of everything, `merge` takes the place of the rows with the same key; nested tables
follow their root. What a schema contract does not let in is kept in `_refused_rows` with the reason (dlt would drop it).

The rows stay in the pull's files and stream through; only their keys are held, so that a long pull needs no more memory.
"""

from collections.abc import Sequence

from headgate.lake.records import ensure_records
from headgate.lake.session import LakeSession, private_zone, quote, quote_literal
from headgate.sources.dlt.columns import Column, columns_of, names_with, sent_rows_sql
from headgate.sources.dlt.memory import Memory, read_memory, record_load, write_memory
from headgate.sources.dlt.model import Landed, Pulled, Window
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.landing import GONE, LOADED_AT, alone, columns_in, commit_at_once, keep_aside

_ROW_KEYS = {"_dlt_id", "_dlt_root_id"}
"""dlt's own: of a row, and of the root row that it is nested in."""


def land(
    session: LakeSession,
    pulled: Pulled,
    *,
    memory: Memory,
    run_id: str,
    windows: Sequence[Window] = (),
    partition_key: str | None = None,
) -> dict[str, Landed]:
    """Lands a pull.

    Args:
        session: the landing team's session.
        pulled: what dlt read.
        memory: what was remembered when the pull began.
        run_id: who lands; a run that repeats another one has its id.
        windows: of which rows the pull is complete.
        partition_key: the run's partition, for the record.

    Returns:
        What was done, by table.

    Raises:
        SourceError: a contract refuses the source's new shape; another run landed the source meanwhile.
        LakeError: the lake refuses or is out of reach. In every case nothing has changed.
    """
    zone = private_zone(session.team)
    with session.translate_errors(where=f"landing {pulled.source} in {zone}"):
        ensure_records(session)
        with alone(session, f"dlt.{pulled.source}"):
            landing = _Landing(session, pulled, run_id, windows, partition_key)
            return commit_at_once(session, lambda: landing.run(memory))


class _Landing:
    """One landing; its methods are the steps, in order."""

    def __init__(
        self,
        session: LakeSession,
        pulled: Pulled,
        run_id: str,
        windows: Sequence[Window],
        partition_key: str | None,
    ) -> None:
        self.session = session
        self.connection = session.connection
        self.pulled = pulled
        self.run_id = run_id
        self.windows = windows
        self.partition_key = partition_key
        self.zone = private_zone(session.team)

    def run(self, memory: Memory) -> dict[str, Landed]:
        if read_memory(self.session, self.pulled.source).version != memory.version:
            raise SourceError(
                "another run landed the same source while this one was reading it",
                where=f"dlt source {self.pulled.source}",
                next_step="run again; give the assets a pool, so that such runs wait for each other",
            )
        landed: dict[str, Landed] = {}
        for table in self.pulled.tables:
            if self.pulled.root_of(table) == table and self.pulled.resource_of(table) in self.pulled.resources:
                landed |= self._land_tree(table)
        remembered = Memory(memory.version + 1, self.pulled.state, self.pulled.schema)
        write_memory(self.session, self.pulled.source, remembered)
        for load_id in self.pulled.load_ids[:1]:
            written = {name: result.written_rows for name, result in landed.items()}
            record_load(self.session, self.pulled.source, load_id, self.run_id, written)
        self._drop_temporary()
        message = f"land {self.pulled.source}"
        self.connection.execute(f"call {quote(self.zone)}.set_commit_message(?, ?)", [self.session.team, message])
        return landed

    def _land_tree(self, root: str) -> dict[str, Landed]:
        """A root table and what is nested in it."""
        results: dict[str, Landed] = {}
        shapes: dict[str, list[Column]] = {}
        is_known = bool(self._present(root))
        for table in (root, *self.pulled.nested_of(root)):
            result = Landed(table)
            shape = self._admit(table, result, is_known=is_known)
            if shape:
                shapes[table], results[table] = shape, result
            elif root in results:
                results[root].set_aside_rows += result.set_aside_rows
                results[root].surprises += result.surprises
        if root not in results:
            return {}
        nested = [table for table in shapes if table != root]
        self._stage(root, nested)
        self._remove_old(root, nested, results[root])
        for table, shape in shapes.items():
            results[table].written_rows = self._insert(table, shape)
            self._measure(results[table])
        return results

    # --- what the contract lets in -----------------------------------------------------------------------------------

    def _admit(self, table: str, result: Landed, *, is_known: bool) -> list[Column]:
        """Gives the table the shape that the contract allows, and sets aside the rows that it does not let in."""
        incoming = columns_of(self.pulled.tables[table])
        if not incoming:
            return []
        self._list_sent(table, incoming)
        self._keep_last_sent(table)
        present = self._present(table)
        if not present:
            if is_known and not self._admit_table(table, result):
                return []
            body = ", ".join(f"{quote(column.name)} {column.sql_type}" for column in incoming)
            self.connection.execute(f"create table {self._name(table)} ({body}, {quote(LOADED_AT)} timestamptz)")
            new = incoming
        else:
            new = self._admit_columns(table, [column for column in incoming if column.name not in present], result)
            for column in new:
                self.connection.execute(
                    f"alter table {self._name(table)} add column {quote(column.name)} {column.sql_type}"
                )
        for column in new:
            if column.description:
                comment = quote_literal(column.description)
                self.connection.execute(f"comment on column {self._name(table)}.{quote(column.name)} is {comment}")
        return [column for column in incoming if column.name in present or column in new]

    def _admit_table(self, table: str, result: Landed) -> bool:
        mode = self.pulled.contract_of(table)["tables"]
        if mode == "evolve" or not self.pulled.files.get(table):
            return mode == "evolve"
        surprise = f"new table {table}"
        if mode == "freeze":
            raise self._refusal(table, surprise)
        self._keep_aside(table, surprise, f"select * exclude (_place) from {_temporary('new', table)}", result)
        return False

    def _admit_columns(self, table: str, new: list[Column], result: Landed) -> list[Column]:
        """Those of the new columns that may be added; deals with the others as the contract says."""
        declared = self.pulled.declared.get(self.pulled.resource_of(table), frozenset())
        admitted = [column for column in new if column.name in declared]
        open_question = [column for column in new if column.name not in declared]
        filled = self._filled(table, open_question)
        barred: list[Column] = []
        for column in filled:
            mode = self.pulled.contract_of(table)["data_type" if column.is_variant else "columns"]
            surprise = f"{'new type' if column.is_variant else 'new column'} {column.name}"
            if mode == "evolve":
                admitted.append(column)
            elif mode == "freeze":
                raise self._refusal(table, surprise)
            else:
                kept = "* exclude (_place)"
                if mode == "discard_value":
                    kept = ", ".join(quote(name) for name in [*self._keys(table), column.name])
                else:
                    barred.append(column)
                rows = f"select {kept} from {_temporary('new', table)} where {quote(column.name)} is not null"
                self._keep_aside(table, surprise, rows, result)
        if barred:
            filled_one = " or ".join(f"{quote(column.name)} is not null" for column in barred)
            rows = f"select _place from {_temporary('new', table)} where {filled_one}"
            self.connection.execute(f"delete from {_temporary('sent', table)} where _place in ({rows})")
        return admitted

    def _filled(self, table: str, columns: list[Column]) -> list[Column]:
        if not columns:
            return []
        counts = ", ".join(f"count({quote(column.name)})" for column in columns)
        row = self.connection.execute(f"select {counts} from {_temporary('new', table)}").fetchone()
        assert row is not None
        return [column for column, count in zip(columns, row, strict=True) if count]

    def _refusal(self, table: str, surprise: str) -> SourceError:
        return SourceError(
            f"the source has changed its shape, and the schema contract refuses that: {surprise} in {table}",
            where=f"resource {self.pulled.resource_of(table)} of dlt source {self.pulled.source}",
            next_step=f"declare it in the resource's columns, or let it in by schema_contract; {UNCHANGED}",
        )

    # --- the rows ----------------------------------------------------------------------------------------------------

    def _list_sent(self, table: str, columns: Sequence[Column]) -> None:
        """Lists the rows to be written by their keys; a view reads those rows where they are, in the files."""
        rows_sql = sent_rows_sql(self.connection, self.pulled.files.get(table, ()), columns)
        hints = ("primary_key", "merge_key", "dedup_sort")
        keys = {name for hint in hints for name in names_with(self.pulled.tables[table], hint)} | _ROW_KEYS
        listed = ", ".join(["_place", *(quote(column.name) for column in columns if column.name in keys)])
        sent, new = _temporary("sent", table), _temporary("new", table)
        self.connection.execute(f"create or replace temp table {sent} as select {listed} from ({rows_sql})")
        still_listed = f"_place in (select _place from {sent})"
        self.connection.execute(f"create or replace temp view {new} as select * from ({rows_sql}) where {still_listed}")

    def _keep_last_sent(self, root: str) -> None:
        """Of several rows with one key the last one sent, or the first by `dedup_sort`: a source may send a row twice."""
        schema = self.pulled.tables[root]
        keys = ", ".join(quote(name) for name in names_with(schema, "primary_key"))
        if not keys or self._disposition(root) != "merge":
            return
        sent = _temporary("sent", root)
        by = [
            f"{quote(name)} {schema['columns'][name]['dedup_sort']} nulls last"
            for name in names_with(schema, "dedup_sort")
        ]
        order = ", ".join([*by, "_place desc"])
        kept = f"select first(_place order by {order}) from {sent} group by {keys}"
        self.connection.execute(f"delete from {sent} where _place not in ({kept})")

    def _stage(self, root: str, nested: Sequence[str]) -> None:
        """Takes off the list what is not to be written: rows that are known and kept, and what is nested in no listed row."""
        sent = _temporary("sent", root)
        if self.pulled.tables[root].get("x-merge-strategy") == "insert-only":
            known = self._matches(root, by="primary_key", other=self._name(root))
            self.connection.execute(f"delete from {sent} where {known}")
        for table in nested:
            if "_dlt_root_id" in self.pulled.tables[table]["columns"]:
                kept = f"coalesce(_dlt_root_id in (select _dlt_id from {sent}), false)"
                self.connection.execute(f"delete from {_temporary('sent', table)} where not {kept}")

    def _remove_old(self, root: str, nested: Sequence[str], result: Landed) -> None:
        disposition = self._disposition(root)
        if disposition == "replace":
            for table in (*nested, root):
                self.connection.execute(f"truncate {self._name(table)}")
        if disposition != "merge" or self.pulled.tables[root].get("x-merge-strategy") == "insert-only":
            return
        replaced = [
            self._matches(root, by=hint, other=_temporary("sent", root))
            for hint in ("primary_key", "merge_key")
            if names_with(self.pulled.tables[root], hint)
        ]
        windows = [f"({window.predicate})" for window in self.windows if window.table == root]
        if windows:
            gone = f"({' or '.join(windows)})"
            if replaced:
                gone += f" and not coalesce({' or '.join(replaced)}, false)"
            result.gone_rows = self._keep_aside(root, GONE, f"select * from {self._name(root)} where {gone}")
        condition = " or ".join([*replaced, *windows]) or "false"
        for table in nested:
            if "_dlt_root_id" in self.pulled.tables[table]["columns"]:
                roots = f"select _dlt_id from {self._name(root)} where {condition}"
                self.connection.execute(f"delete from {self._name(table)} where _dlt_root_id in ({roots})")
        self.connection.execute(f"delete from {self._name(root)} where {condition}")

    def _matches(self, table: str, *, by: str, other: str) -> str:
        keys = ", ".join(quote(name) for name in names_with(self.pulled.tables[table], by))
        return (
            f"({keys}) in (select ({keys}) from {other})" if "," in keys else f"{keys} in (select {keys} from {other})"
        )

    def _insert(self, table: str, shape: Sequence[Column]) -> int:
        names = ", ".join(quote(column.name) for column in shape)
        kept = " and ".join(
            f"{quote(name)} is not true" if column["data_type"] == "bool" else f"{quote(name)} is null"
            for name, column in self.pulled.tables[table]["columns"].items()
            if column.get("hard_delete")
        )
        row = self.connection.execute(
            f"insert into {self._name(table)} ({names}, {quote(LOADED_AT)}) "
            f"select {names}, now() from {_temporary('new', table)} {f'where {kept}' if kept else ''}"
        ).fetchone()
        return int(row[0]) if row else 0

    def _keep_aside(self, table: str, reason: str, rows_sql: str, result: Landed | None = None) -> int:
        rows = keep_aside(self.session, table, self.run_id, self.partition_key, reason, rows_sql)
        if result is not None:
            result.set_aside_rows += rows
            result.surprises.append(f"{reason} ({rows} rows)")
        return rows

    # --- small things ------------------------------------------------------------------------------------------------

    def _measure(self, result: Landed) -> None:
        column = next((window.column for window in self.windows if window.table == result.table), None)
        newest = f"max({quote(column)}) filter (where {quote(column)} <= now())" if column else "null"
        row = self.connection.execute(f"select count(*), {newest} from {self._name(result.table)}").fetchone()
        assert row is not None
        result.row_count, result.newest = int(row[0]), row[1]
        result.columns = list(self._present(result.table).items())

    def _present(self, table: str) -> dict[str, str]:
        return columns_in(self.session, table)

    def _disposition(self, root: str) -> str:
        return str(self.pulled.tables[root].get("write_disposition") or "append")

    def _keys(self, table: str) -> list[str]:
        return names_with(self.pulled.tables[table], "primary_key") or ["_dlt_id"]

    def _name(self, table: str) -> str:
        return f"{quote(self.zone)}.{quote(table)}"

    def _drop_temporary(self) -> None:
        for table in self.pulled.tables:
            self.connection.execute(f"drop view if exists {_temporary('new', table)}")
            self.connection.execute(f"drop table if exists {_temporary('sent', table)}")


def _temporary(kind: str, table: str) -> str:
    """`sent`: the keys of what came in and is to be written, a table; `new`: its rows, a view."""
    return quote(f"_{kind}_{table}")
