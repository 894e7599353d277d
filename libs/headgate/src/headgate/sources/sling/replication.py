"""A replication file as Sling's users write it: which tables, in which mode, by which keys.

A key that is not kept here is refused, not ignored, with file and line. Reading one touches neither network nor environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate.contract.source import KeyPath, Source
from headgate.errors import HeadgateError
from headgate.sources.sling.columns import ColumnNote, read_columns

MODES = ("full-refresh", "incremental", "truncate", "snapshot", "backfill")
TARGET = "LAKE"
_FILE_KEYS = {"source", "target", "defaults", "streams"}
_STREAM_KEYS = {
    *("mode", "object", "primary_key", "update_key", "description", "disabled", "select", "where", "columns"),
    *("source_options", "tags", "meta"),
}
_OWN_KEYS = {"lookback", "automation", "deps"}
_IDENTIFIER = r'("[^"]+"|[^".\s]+)'
_STREAM_NAME = re.compile(rf"(?:{_IDENTIFIER}\.)?{_IDENTIFIER}")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"\{\s*\w+\s*\}")
_LOOKBACK = re.compile(r"(\d+) *(minute|hour|day|week)s?")


class ReplicationError(HeadgateError):
    """A replication file is unreadable, contradicts itself, or asks for what is not kept here."""


class ReplicationFile(Source):
    """A replication file as text, which knows the line of every key."""

    noun = "replication"
    begins_with = "source: <connection>"
    error_class = ReplicationError


@dataclass(frozen=True)
class Stream:
    """One table of the source, and how it is replicated."""

    file: ReplicationFile
    name: str
    """As the file has it."""
    schema: str
    source_table: str
    table: str
    """Its name in the private zone, and the asset's."""
    mode: str = "full-refresh"
    primary_key: tuple[str, ...] = ()
    update_key: str | None = None
    description: str = ""
    columns: Mapping[str, ColumnNote] | None = None
    """What the file says of columns, by name."""
    select: tuple[str, ...] = ()
    """The columns to read; all when empty."""
    leave_out: tuple[str, ...] = ()
    where: str = ""
    range: tuple[str, str] | None = None
    """Of `backfill`: first and last value of the update key."""
    tags: tuple[str, ...] = ()
    lookback: timedelta | int | None = None
    automation: str | None = None
    deps: tuple[str, ...] = ()

    def place(self, key: str | None = None) -> str:
        """File and line of the stream, or of one of its keys."""
        own: KeyPath = ("streams", self.name, *([key] if key else []))
        default: KeyPath = ("defaults", key or "")
        is_default = self.file.shorten(own) != own and self.file.shorten(default) == default
        return f"{self.file.path}:{self.file.line_of(default if is_default else own)}"


@dataclass(frozen=True)
class Replication:
    """What one file replicates."""

    path: Path
    source: str
    """Name of the connection, which is the environment variable with its URL."""
    streams: tuple[Stream, ...]


def read_replication(path: Path) -> Replication:
    """The replication that a file describes; streams that are `disabled` are left out.

    Raises:
        ReplicationError: with file and line.
    """
    file = ReplicationFile(path)
    content = file.content
    _refuse_unknown(file, content, _FILE_KEYS, ())
    source = content.get("source")
    if not isinstance(source, str) or not _VARIABLE.fullmatch(source):
        raise file.error(
            "source does not name a connection",
            "write the name of the environment variable that holds the database's URL, not the URL",
            ("source",),
        )
    if content.get("target", TARGET) != TARGET:
        raise file.error(
            f"the target {content['target']!r} is not the team's private zone", f"write target: {TARGET}", ("target",)
        )
    defaults = content.get("defaults") or {}
    declared = content.get("streams") or {}
    for key, value in (("defaults", defaults), ("streams", declared)):
        if not isinstance(value, dict):
            raise file.error(f"{key} is not a mapping", "indent its keys below it", (key,))
    _refuse_unknown(file, defaults, _STREAM_KEYS, ("defaults",))
    if not declared:
        raise file.error("there are no streams", "list the tables below streams:, as schema.table", ("streams",))
    streams = [
        _StreamReader(file, str(name), own, defaults).read()
        for name, own in declared.items()
        if not (isinstance(own, dict) and own.get("disabled", defaults.get("disabled", False)))
    ]
    seen: dict[str, Stream] = {}
    for stream in streams:
        if (other := seen.setdefault(stream.table, stream)) is not stream:
            raise ReplicationError(
                f"{other.name} and {stream.name} both become the table {stream.table}",
                where=stream.place(),
                next_step="name one of them by object:",
            )
    return Replication(path, source, tuple(streams))


class _StreamReader:
    """Reads one stream; what it does not say itself, `defaults` says."""

    def __init__(self, file: ReplicationFile, name: str, own: Any, defaults: Mapping[str, Any]) -> None:
        self.file = file
        self.name = name
        self.own = {} if own is None else own
        self.defaults = defaults
        self.path: KeyPath = ("streams", name)

    def read(self) -> Stream:
        if not isinstance(self.own, dict):
            raise self.error("the stream is not a mapping", "indent its keys below it, or leave it empty")
        _refuse_unknown(self.file, self.own, _STREAM_KEYS, self.path)
        match = _STREAM_NAME.fullmatch(self.name)
        if match is None or "*" in self.name:
            raise self.error(
                f"{self.name!r} does not name one table", "write schema.table: the assets are known before the database"
            )
        schema, source_table = (part and part.strip('"') for part in match.groups())
        headgate = self.headgate_settings()
        selected = self.words("select")
        leave_out = tuple(name[1:] for name in selected if name.startswith("-"))
        if leave_out and len(leave_out) < len(selected):
            raise self.error("select both names columns and leaves some out", "do one of the two", "select")
        stream = Stream(
            file=self.file,
            name=self.name,
            schema=schema or "public",
            source_table=source_table,
            table=self.table(schema or "public", source_table),
            mode=self.mode(),
            primary_key=self.words("primary_key"),
            update_key=self.text("update_key") or None,
            description=self.text("description"),
            columns=read_columns(self.file, self.get("columns"), self.key_path("columns")),
            select=() if leave_out else selected,
            leave_out=leave_out,
            where=self.text("where"),
            range=self.range(),
            tags=self.words("tags"),
            lookback=self.lookback(headgate.get("lookback")),
            automation=headgate.get("automation"),
            deps=tuple(headgate.get("deps") or ()),
        )
        self.check(stream)
        return stream

    def check(self, stream: Stream) -> None:
        if stream.mode == "incremental" and not (stream.primary_key or stream.update_key):
            raise self.error(
                "incremental needs to know which rows are new", "give it an update_key, a primary_key, or both", "mode"
            )
        if stream.mode == "backfill" and not stream.update_key:
            raise self.error("backfill needs an update_key", "name the column that the range is of", "mode")
        if stream.lookback is not None and (stream.mode != "incremental" or not stream.update_key):
            raise self.error("a lookback is for incremental streams with an update_key", "leave it out", "meta")
        if stream.range is not None and stream.mode != "backfill":
            raise self.error("a range is for backfill", "set mode: backfill, or leave the range out", "source_options")
        if _PLACEHOLDER.search(stream.where):
            raise self.error(
                "Sling would fill in what stands in braces in where", "write it without: '{' || 'name}'", "where"
            )
        named = (*stream.primary_key, *([stream.update_key] if stream.update_key else []))
        for name in named:
            if name in stream.leave_out or (stream.select and name not in stream.select):
                raise self.error(f"select leaves out {name}, which is a key", "select it too", "select")

    def error(self, what: str, next_step: str, key: str | None = None) -> HeadgateError:
        return self.file.error(f"stream {self.name}: {what}", next_step, self.key_path(key) if key else self.path)

    def key_path(self, key: str) -> KeyPath:
        return (*self.path, key) if key in self.own or key not in self.defaults else ("defaults", key)

    def get(self, key: str) -> Any:
        return self.own.get(key, self.defaults.get(key))

    def text(self, key: str) -> str:
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"{key} is not a text", "write one, in quotes if need be", key)
        return (value or "").strip()

    def words(self, key: str) -> tuple[str, ...]:
        """A list of names; one name, or several with commas between, do too."""
        value = self.get(key)
        names = value.split(",") if isinstance(value, str) else value or []
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            raise self.error(f"{key} is not a list of names", f"write {key}: [one, another]", key)
        if key == "select" and any(" " in name.strip() or "*" in name for name in names):
            raise self.error("select renames or matches columns", "name each column; a model renames them", key)
        return tuple(name.strip() for name in names)

    def mode(self) -> str:
        mode = self.get("mode") or MODES[0]
        if mode not in MODES:
            raise self.error(f"there is no mode {mode!r}", f"use one of {', '.join(MODES)}", "mode")
        return str(mode)

    def table(self, schema: str, source_table: str) -> str:
        pattern = self.text("object") or "{stream_table}"
        table = pattern.replace("{stream_table}", source_table.lower()).replace("{stream_schema}", schema.lower())
        if not _TABLE_NAME.fullmatch(table):
            raise self.error(
                f"{table!r} is not the name of a landed table",
                "give object: a name of lower-case letters, digits and _; {stream_table} and {stream_schema} may be in it",
                "object",
            )
        return table

    def range(self) -> tuple[str, str] | None:
        options = self.get("source_options") or {}
        if not isinstance(options, dict) or set(options) - {"range"}:
            raise self.error("of source_options only range is kept here", "leave the others out", "source_options")
        if not options:
            return None
        ends = [end.strip() for end in str(options["range"]).split(",")]
        if len(ends) != 2 or not all(ends):
            raise self.error("the range is not a first and a last value", "write range: 'first,last'", "source_options")
        return ends[0], ends[1]

    def headgate_settings(self) -> dict[str, Any]:
        meta = self.get("meta") or {}
        settings = meta.get("headgate", {}) if isinstance(meta, dict) else None
        if not isinstance(settings, dict):
            raise self.error("meta: headgate: is not a mapping", "indent its keys below it", "meta")
        _refuse_unknown(self.file, settings, _OWN_KEYS, (*self.key_path("meta"), "headgate"))
        return settings

    def lookback(self, value: Any) -> timedelta | int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        match = _LOOKBACK.fullmatch(str(value))
        if match is None:
            raise self.error(
                f"the lookback {value!r} is no length of time",
                "write 3 days, 2 hours, or a number for a number",
                "meta",
            )
        return timedelta(**{f"{match[2]}s": int(match[1])})


def _refuse_unknown(file: ReplicationFile, found: Mapping[str, Any], known: set[str], path: KeyPath) -> None:
    for key in found:
        if key not in known:
            raise file.error(
                f"the key {key} is not kept here", f"leave it out; there are {', '.join(sorted(known))}", (*path, key)
            )
