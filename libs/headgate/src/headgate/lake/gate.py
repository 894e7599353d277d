"""The gate: the only code that writes a published table.

One transaction: write the rows, audit them against the contract, record who did it, commit. A failed audit rolls back, so
readers keep the version they had; the refused rows go to the team's private zone, each with the rule it broke.
"""

import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.contract import (
    WARNINGS_COLUMN,
    Column,
    Contract,
    Rule,
    RuleResult,
    audit,
    audit_columns,
    ddl,
    failing_rows_sql,
    masking_expression,
)
from headgate.lake.doubts import codes_expression, complete_rows, count_doubtful, count_other_codes, judge_parts
from headgate.lake.partitions import Part, is_of_rows, merge_parts, partition_predicate, split_results
from headgate.lake.profiles import profile_rows
from headgate.lake.publication import (
    AuditError,
    Publication,
    RunInfo,
    find_publication,
    record_publication,
    schema_hash,
)
from headgate.lake.records import PUBLICATIONS, REFUSED_ROWS, ensure_records
from headgate.lake.session import LakeError, LakeSession, private_zone, quote, quote_literal
from headgate.lake.validation import record_validation

if TYPE_CHECKING:
    import duckdb


def publish(session: LakeSession, contract: Contract, rows_sql: str, run: RunInfo) -> Publication:
    """Publishes the rows of a query under a contract.

    Args:
        session: a session of the team that owns the table.
        contract: the table's contract; its `publish_mode` says what the rows replace: the table, the partition or
            partitions that `run` names, or the rows with the same primary key.
        rows_sql: a SELECT over what the session sees.
        run: who publishes. The same run never publishes twice: a second call returns what the first did.

    Raises:
        AuditError: a rule of severity error failed. Nothing changed for readers.
        LakeError: the lake refused, or is out of reach.
    """
    table = f"{contract.team}.{contract.table}"
    if contract.team != session.team:
        raise LakeError(
            f"team {session.team} may not publish {table}",
            where=str(contract.path),
            next_step=f"publish from team {contract.team}, or under a contract of your own",
        )
    with session.translate_errors(where=f"publishing {table}"):
        target = session.qualify(table)
        ensure_records(session)
        if replay := find_publication(session, contract, run):
            return replay
        return _Passage(session, contract, rows_sql, run, target).run()


class _Passage:
    """One passage through the gate; its methods are the steps, in order."""

    def __init__(self, session: LakeSession, contract: Contract, rows_sql: str, run: RunInfo, target: str) -> None:
        self.session = session
        self.connection = session.connection
        self.contract = contract
        self.rows_sql = rows_sql
        self.run_info = run
        self.target = target
        self.columns = ", ".join(quote(column.name) for column in contract.columns)
        self.masked = [column.name for column in contract.columns if column.masking != "none"]
        self.publication_ids = {key: str(uuid.uuid4()) for key in run.keys}

    def run(self) -> Publication:
        import duckdb  # late: a code server loads this module and publishes nothing

        described = self._describe_rows()
        if (completed := complete_rows(self.contract, self.rows_sql, described)) != self.rows_sql:
            self.rows_sql = completed
            described = self._describe_rows()
        column_results = audit_columns(self.contract, described)
        if any(not result.passed for result in column_results):
            self._refuse(column_results, {})
        refused = Path(tempfile.mkdtemp(prefix="refused-", dir=self._spill_folder()))
        try:
            with self.session.transaction():
                self._shape_table()
                source = self._stage() if self._is_read_twice() else self.rows_sql
                clear_results = self._audit_clear(source) if self.masked else []
                written_rows, row_count = self._write(source)
                stored_results = self._audit_stored(row_count)
                results = [
                    *column_results,
                    *clear_results,
                    *stored_results,
                    *self._audit_partition(source, written_rows, stored_results),
                ]
                results += self._count_other_codes(written_rows, row_count)
                if len(self.run_info.keys) > 1:
                    # Rows that belong to none of the partitions cannot be told apart by them.
                    self._refuse_if_wrong(results, source, refused)
                parts = judge_parts(self.session, self.contract, self._split(results, source, written_rows))
                results = merge_parts(parts)
                self._refuse_if_wrong(results, source, refused)
                published_at = datetime.now(UTC)
                if self.contract.is_profiled:
                    verdicts = self._profile(published_at)
                    parts = [replace(p, results=(*p.results, verdicts[p.key])) for p in parts]
                    results.append(max(verdicts.values(), key=lambda verdict: len(verdict.examples)))
                record_publication(
                    self.session,
                    self.contract,
                    self.run_info,
                    parts,
                    publication_ids=self.publication_ids,
                    row_count=row_count,
                    written_rows=written_rows,
                    now=published_at,
                )
        except _Refused as refusal:
            self._refuse(refusal.results, refusal.files)
        except (duckdb.ConstraintException, duckdb.ConversionException) as error:
            self._refuse(*self._audit_unwritten(error, refused))
        finally:
            for file in refused.iterdir():
                file.unlink()
            refused.rmdir()
            self.connection.execute("drop table if exists temp._staged")
        return Publication(
            table=f"{self.contract.team}.{self.contract.table}",
            publication_id=self.publication_ids[self.run_info.keys[0]],
            snapshot_id=self.session.committed_snapshot_id(self.contract.team),
            row_count=row_count,
            written_rows=written_rows,
            results=tuple(results),
            warning_rows=sum(part.doubtful for part in parts),
            partition_keys=self.run_info.named_keys,
        )

    # --- the steps ---------------------------------------------------------------------------------------------------

    def _describe_rows(self) -> dict[str, str]:
        described = self.connection.execute(f"describe {self.rows_sql}").fetchall()
        return {str(name): str(kind) for name, kind, *_ in described}

    def _shape_table(self) -> None:
        """Creates or alters the table when the contract's shape changed; otherwise touches no DDL."""
        name = self.contract.table
        last = self.connection.execute(
            f"select schema_hash from {self._zone}.{PUBLICATIONS} where table_name = ? order by published_at desc limit 1",
            [name],
        ).fetchone()
        exists = self.session.has_table(f"{self.contract.team}.{name}")
        if exists and last and last[0] == schema_hash(self.contract):
            return
        if exists and self.contract.publish_mode != "replace":
            self._carry_rows_over()
            return
        if exists:
            self.connection.execute(f"drop table {self.target}")
        self._execute_all(ddl(self.contract, self.target))

    def _carry_rows_over(self) -> None:
        """The table keeps its rows under the new shape: what the old one lacks is null until it is restated."""
        described = self.connection.execute(f"describe {self.target}").fetchall()
        present = {str(name) for name, *_ in described}
        self.connection.execute(f"create or replace temp table _carried as from {self.target}")
        self.connection.execute(f"drop table {self.target}")
        self._execute_all(ddl(self.contract, self.target))
        absent = {WARNINGS_COLUMN: "[]"}
        values = ", ".join(
            f"cast({quote(c.name) if c.name in present else absent.get(c.name, 'null')} as {c.sql_type})"
            for c in self.contract.columns
        )
        self.connection.execute(f"insert into {self.target} ({self.columns}) select {values} from temp._carried")
        self.connection.execute("drop table temp._carried")

    def _stage(self) -> str:
        """The rows in clear, in this connection's memory: read twice, by the audit or the merge and by the write."""
        self.connection.execute(f"create or replace temp table _staged as {self.rows_sql}")
        return "select * from temp._staged"

    def _is_read_twice(self) -> bool:
        """Whether the rows are worth keeping in memory: the audit, the merge or a mark for repeated keys reads them too."""
        marks_keys = self.contract.has_warnings_column and any(r.kind == "unique" for r in self.contract.warning_rules)
        return bool(self.masked) or self.contract.publish_mode == "merge" or marks_keys

    def _audit_clear(self, source: str) -> list[RuleResult]:
        """Rules on personal columns see the values before they are masked."""
        rules = [rule for rule in self.contract.rules if set(rule.columns) & set(self.masked)]
        return self._audit(f"({source})", rules, scope=None)

    def _audit_stored(self, row_count: int) -> list[RuleResult]:
        rules = [rule for rule in self.contract.rules if not set(rule.columns) & set(self.masked)]
        return self._audit(self.target, rules, scope=self._partition_predicate(), total=row_count)

    def _audit_partition(
        self, source: str, written_rows: int, stored_results: Sequence[RuleResult]
    ) -> list[RuleResult]:
        """A run writes its own partition and no other: the partition was empty, so it must hold what was written."""
        predicate = self._partition_predicate()
        if predicate is None:
            return []
        held = next((each.checked_rows for each in stored_results if is_of_rows(each.rule)), None)
        if held is None:
            held = self._count(f"select count(*) from {self.target} where {predicate}")
        keys = self.run_info.keys
        rule = Rule(
            name="partition",
            kind="sql",
            columns=(self.contract.partition_by[0],),
            description=f"every row belongs to partition {keys[0]}"
            + (f" or one of {len(keys) - 1} more, to {keys[-1]}" if len(keys) > 1 else ""),
            violation=f"not coalesce({predicate}, false)",
        )
        if held == written_rows:
            return [RuleResult(rule=rule, failed_rows=0, checked_rows=written_rows, passed=True, examples=[])]
        return audit(self.connection, self.contract, f"({source})", rules=[rule], resolve=self.session.qualify)

    def _audit_unwritten(self, error: "duckdb.Error", folder: Path) -> tuple[list[RuleResult], dict[str, Path]]:
        """The table's own types or NOT NULL refused a value before the audit could: hold the rules against the rows as
        they came.

        Unless the rows are the whole table, only rules that judge a row by itself can be held against them alone.
        """
        is_whole = self.contract.publish_mode == "replace"
        source = self._stage()
        rules = [rule for rule in self.contract.rules if is_whole or rule.kind in ("not_null", "type")]
        results = audit(self.connection, self.contract, f"({source})", rules=rules, resolve=self.session.qualify)
        if all(result.passed or result.rule.severity != "error" for result in results):
            raise error
        return results, self._save_refused(results, source, folder, was_written=False)

    def _audit(
        self, relation: str, rules: Sequence[Rule], scope: str | None, total: int | None = None
    ) -> list[RuleResult]:
        rules = [rule for rule in rules if rule.kind != "type"]
        resolve = self.session.qualify
        return audit(self.connection, self.contract, relation, scope=scope, rules=rules, resolve=resolve, total=total)

    def _write(self, source: str) -> tuple[int, int]:
        """The rows written, and those of the table that they leave.

        The table is counted before it is touched: that is answered from the lake's catalog, while a table that this
        transaction has changed is counted by opening each of its files.
        """
        kept = 0
        if self.contract.publish_mode == "replace":
            self.connection.execute(f"truncate {self.target}")
        else:
            kept = self._count(f"select count(*) from {self.target}")
            kept -= self._count(f"delete from {self.target} where {self._replaced_rows()}")
        values = ", ".join(self._value(column, source) for column in self.contract.columns)
        written = self._count(f"insert into {self.target} ({self.columns}) select {values} from ({source}) as _rows")
        return written, kept + written

    def _replaced_rows(self) -> str:
        if predicate := self._partition_predicate():
            return predicate
        keys = ", ".join(quote(name) for name in self.contract.primary_key)
        return f"({keys}) in (select ({keys}) from temp._staged)"

    def _count(self, statement: str) -> int:
        """What a statement answers: the rows that it counted, deleted or inserted."""
        row = self.connection.execute(statement).fetchone()
        assert row is not None
        return int(row[0])

    def _value(self, column: Column, source: str) -> str:
        if column.name == WARNINGS_COLUMN:
            return codes_expression(self.contract, lambda rule: self._key_relation(rule, source), self.session.qualify)
        return self._mask(column)

    def _key_relation(self, rule: Rule, source: str) -> str:
        """In what a key must be unique: the table as it will be. Of personal keys only those that are now written."""
        if self.contract.publish_mode == "replace" or set(rule.columns) & set(self.masked):
            return f"({source})"
        names = ", ".join(quote(name) for name in rule.columns)
        return f"(select {names} from {self.target} union all select {names} from ({source}))"

    def _mask(self, column: Column) -> str:
        if column.masking == "none":
            return quote(column.name)
        key = self.session.settings.masking_key
        if key is None:
            raise LakeError(
                f"column {column.name} is personal and must be masked, but there is no masking key",
                where=str(self.contract.path),
                next_step="set HEADGATE_MASKING_KEY; `./headgate` makes one for each state folder",
            )
        return f"{masking_expression(column, key.get_secret_value())} as {quote(column.name)}"

    def _partition_predicate(self) -> str | None:
        if self.contract.publish_mode != "partition":
            return None
        keys = self.run_info.named_keys
        if not keys:
            raise LakeError(
                f"{self.contract.team}.{self.contract.table} is published by partition, and this run has none",
                where=str(self.contract.path),
                next_step="give the asset a partitions_def, or take publishMode out of the contract",
            )
        return partition_predicate(self.contract, keys)

    def _count_other_codes(self, written_rows: int, row_count: int) -> list[RuleResult]:
        if not self.contract.has_warnings_column:
            return []
        checked = row_count if self.contract.publish_mode == "merge" else written_rows
        return count_other_codes(self.session, self.contract, self.target, self._partition_predicate(), checked)

    def _count_doubtful(self, source: str, results: Sequence[RuleResult]) -> int:
        is_clear = not self.contract.has_warnings_column and any(
            result.failed_rows and set(result.rule.columns) & set(self.masked) for result in results
        )
        relation, scope = (f"({source})", None) if is_clear else (self.target, self._partition_predicate())
        return count_doubtful(self.session, self.contract, relation, scope, results)

    def _split(self, results: list[RuleResult], source: str, written_rows: int) -> list[Part]:
        keys = self.run_info.named_keys
        if self.contract.publish_mode != "partition" or len(keys) == 1:
            return [Part(self.run_info.keys[0], written_rows, self._count_doubtful(source, results), tuple(results))]
        return split_results(
            self.session,
            self.contract,
            results,
            keys,
            target=self.target,
            source=source,
            masked=self.masked,
        )

    def _profile(self, published_at: datetime) -> dict[str | None, RuleResult]:
        is_split = self.contract.publish_mode == "partition"
        return {
            key: profile_rows(
                self.session,
                self.contract,
                self.target,
                partition_predicate(self.contract, [str(key)]) if is_split else None,
                publication_id=publication_id,
                published_at=published_at,
                run_id=self.run_info.run_id,
                partition_key=key,
            )
            for key, publication_id in self.publication_ids.items()
        }

    # --- refusal -----------------------------------------------------------------------------------------------------

    def _refuse_if_wrong(self, results: Sequence[RuleResult], source: str, folder: Path) -> None:
        if any(not r.passed and r.rule.severity == "error" for r in results):
            raise _Refused(results, self._save_refused(results, source, folder))

    def _save_refused(
        self, results: Sequence[RuleResult], source: str, folder: Path, *, was_written: bool = True
    ) -> dict[str, Path]:
        """Writes the offending rows to files that outlive the roll-back, one a rule."""
        files: dict[str, Path] = {}
        for index, result in enumerate(results):
            if result.passed or result.rule.severity != "error":
                continue
            is_clear = (
                not was_written or bool(set(result.rule.columns) & set(self.masked)) or result.rule.name == "partition"
            )
            relation = f"({source})" if is_clear else self.target
            scope = None if is_clear else self._partition_predicate()
            query = failing_rows_sql(
                result.rule, relation, contract=self.contract, scope=scope, resolve=self.session.qualify
            )
            if query is None:
                continue
            file = folder / f"{index}.parquet"
            if is_clear and self.masked:
                masked = ", ".join(self._mask(column) for column in self.contract.columns if column.masking != "none")
                query = f"select * replace ({masked}) from ({query}) as _rows"
            self.connection.execute(f"copy ({query}) to {quote_literal(str(file))} (format parquet)")
            files[result.rule.name] = file
        return files

    def _refuse(self, results: Sequence[RuleResult], files: dict[str, Path]) -> None:
        """Keeps the verdict and the refused rows in the private zone, then raises."""
        now = datetime.now(UTC)
        refused = f"{quote(private_zone(self.contract.team))}.{REFUSED_ROWS}"
        with self.session.transaction():
            for rule, file in files.items():
                self.connection.execute(
                    f"insert into {refused} select ?, ?, ?, ?, ?, cast(to_json(_row) as varchar) "
                    f"from read_parquet({quote_literal(str(file))}) as _row",
                    [now, self.contract.table, self.run_info.run_id, self._partition_range, rule],
                )
            record_validation(
                self.session,
                self.contract,
                results,
                kind="refused",
                run_id=self.run_info.run_id,
                partition_key=self._partition_range,
                now=now,
            )
        raise AuditError(self.contract, results, f"{private_zone(self.contract.team)}.{REFUSED_ROWS}")

    @property
    def _partition_range(self) -> str | None:
        """The partition; the first and the last of several."""
        keys = self.run_info.keys
        return keys[0] if len(keys) == 1 else f"{keys[0]}…{keys[-1]}"

    # --- small things ------------------------------------------------------------------------------------------------

    @property
    def _zone(self) -> str:
        return quote(self.contract.team)

    def _execute_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def _spill_folder(self) -> Path:
        folder = self.session.settings.state_folder / "run" / "spill"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _Refused(Exception):
    def __init__(self, results: Sequence[RuleResult], files: dict[str, Path]) -> None:
        self.results = results
        self.files = files
        super().__init__("refused")
