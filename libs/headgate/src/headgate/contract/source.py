"""A contract file as text: strict YAML that remembers the line of every key, and errors that point at it.

What does not belong here: what the keys mean (`document`).
"""

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from headgate.errors import HeadgateError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

KeyPath = tuple[str | int, ...]


class ContractError(HeadgateError):
    """A contract is unreadable, contradicts itself or the standard, or is asked for what it does not say."""


class Source:
    """One contract file: its content as plain values, and the line each of them stands on."""

    noun = "contract"
    """What such a file is called in errors; for those who read other files as strictly."""
    begins_with = "apiVersion: v3.1.0"
    error_class: type[HeadgateError] = ContractError

    def __init__(self, path: Path) -> None:
        """Reads and parses the file.

        Raises:
            ContractError: no such file, not UTF-8, not YAML, empty, a duplicate key, an alias, not a mapping.
        """
        self.path = path
        self._lines: dict[KeyPath, int] = {}
        text = self._read()
        try:
            self._refuse_aliases(text)
            nodes = list(yaml.compose_all(text, Loader=_Loader))
        except yaml.YAMLError as error:
            raise self._yaml_error(text, error) from None
        except RecursionError:
            raise self.error(f"the YAML is nested too deep for a {self.noun}", f"write a {self.noun} in it") from None
        nodes = [node for node in nodes if not _is_null(node)]
        if not nodes:
            raise self.error(f"the {self.noun} is empty", "write it, or remove the file")
        if len(nodes) > 1:
            line = nodes[1].start_mark.line + 1
            raise self.error(
                "a second YAML document begins here", f"write one {self.noun} a file, without ---", line=line
            )
        if not isinstance(nodes[0], yaml.MappingNode):
            raise self.error(f"the {self.noun} is not a mapping of keys to values", f"begin it with {self.begins_with}")
        self.content: dict[str, Any] = self._convert(nodes[0], ())

    def error(self, what: str, next_step: str, path: KeyPath = (), *, line: int | None = None) -> HeadgateError:
        """An error that points at the line of a key, or of the nearest key above it that the file has."""
        where = f"{self.path}:{line or self.line_of(path)}"
        return self.error_class(what, where=where, next_step=next_step)

    def line_of(self, path: KeyPath) -> int:
        """The line, from 1, of the key or list item at `path`, or of the nearest one above it."""
        return self._lines.get(self.shorten(path), 1)

    def shorten(self, path: KeyPath) -> KeyPath:
        """The longest beginning of a path that the file has."""
        while path and path not in self._lines:
            path = path[:-1]
        return path

    def _read(self) -> str:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise self.error_class(
                f"the {self.noun} cannot be read: {error.strerror}",
                where=str(self.path),
                next_step="create the file, or make it readable",
            ) from None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self.error(f"the {self.noun} is not UTF-8 text", "save the file as UTF-8", line=line) from None

    def _refuse_aliases(self, text: str) -> None:
        if "*" not in text:
            return
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise self.error("a YAML alias stands here", f"write the value out: a {self.noun} uses none", line=line)

    def _yaml_error(self, text: str, error: yaml.YAMLError) -> HeadgateError:
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            mark = error.problem_mark
            lines = text.splitlines()
            before = lines[mark.line][: mark.column + 1] if mark.line < len(lines) else ""
            if "\t" in before:
                return self.error("a tab indents this line", "indent YAML with spaces", line=mark.line + 1)
            problem = error.problem or "unreadable"
            line = min(mark.line + 1, max(len(lines), 1))
            return self.error(f"the {self.noun} is not YAML: {problem}", "mend that line", line=line)
        position = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, position) + 1
        return self.error(f"the {self.noun} holds a character that YAML forbids", "remove it", line=line)

    def _convert(self, node: yaml.Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        if isinstance(node, yaml.ScalarNode):
            return self._convert_scalar(node, line)
        if isinstance(node, yaml.SequenceNode):
            return [self._convert(item, (*path, index)) for index, item in enumerate(node.value)]
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            key = self._convert_scalar(key_node, key_line) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self.error("a key here is not a word", "write keys as plain words", line=key_line)
            if key in mapping:
                raise self.error(f"the key {key} stands here a second time", "keep one of them", line=key_line)
            self._lines[(*path, key)] = key_line
            mapping[key] = self._convert(value_node, (*path, key))
        return mapping

    def _convert_scalar(self, node: yaml.ScalarNode, line: int) -> Any:
        try:
            value = yaml.constructor.SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            raise self.error(f"{node.value!r} is not a value", "mend it, or put it in quotes", line=line) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(f"{node.value} is not a finite number", "write a number", line=line)
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, str) and not _is_storable(value):
            raise self.error("a character here cannot be stored", "remove the escape \\0 or \\ud800", line=line)
        if isinstance(value, bytes):
            raise self.error(f"binary data has no place in a {self.noun}", "write text", line=line)
        return value


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or node.tag == "tag:yaml.org,2002:null"


def _is_storable(text: str) -> bool:
    """Whether a database takes the text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
