"""Files that are no contract at all: each error names the line and the next step."""

from pathlib import Path

import pytest

from headgate.contract import ContractError
from headgate.contract.source import Source


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"", 1, "the contract is empty"),
        (b"\n\n# nothing\n", 1, "the contract is empty"),
        (b"---\n...\n", 1, "the contract is empty"),
        (b"a: 1\n---\nb: 2\n", 3, "a second YAML document begins here"),
        (b"- a\n", 1, "the contract is not a mapping"),
        (b"just words\n", 1, "the contract is not a mapping"),
        (b"a: 1\nb: 2\na: 3\n", 3, "the key a stands here a second time"),
        (b"a:\n  b: 1\n  b: 2\n", 3, "the key b stands here a second time"),
        (b"a: 1\n1: 2\n", 2, "a key here is not a word"),
        (b"a: 1\n? [x]\n: 2\n", 2, "a key here is not a word"),
        (b"a: &x [1]\nb: *x\n", 2, "a YAML alias stands here"),
        (b"a: &x\n  b: *x\n", 2, "a YAML alias stands here"),
        (b"a:\n\tb: 1\n", 2, "a tab indents this line"),
        (b"a: [1\nb: 2\n", 2, "the contract is not YAML"),
        (b"a: 1\n b: 2\n", 2, "the contract is not YAML"),
        (b"a: 1\nb: 'open\n", 2, "the contract is not YAML"),
        (b"a: 1\nb: \xff\n", 2, "the contract is not UTF-8"),
        ("a: 1\nname: é\n".encode("latin-1"), 2, "the contract is not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "the contract is not UTF-8"),
        (b"a: 1\nb: \x07\n", 2, "a character that YAML forbids"),
        (b'a: 1\nb: "x\\0y"\n', 2, "a character here cannot be stored"),
        (b"a: 1\nb: 2026-13-45\n", 2, "'2026-13-45' is not a value"),
        (b"a: 1\nb: .nan\n", 2, ".nan is not a finite number"),
        (b"a: 1\nb: -.inf\n", 2, "-.inf is not a finite number"),
        (b"a: 1\nb: !!binary aGk=\n", 2, "binary data has no place"),
        (b"a: 1\nb: !!python/object:os.system x\n", 2, "is not a value"),
        (b"a: 1\nb: !mine x\n", 2, "is not a value"),
        (b"a: " + b"[" * 3000, 1, ""),
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes, line: int, what: str) -> None:
    path = tmp_path / "orders.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError) as refusal:
        Source(path)
    assert what in refusal.value.what
    assert refusal.value.where == f"{path}:{line}"
    assert refusal.value.next_step


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="the contract cannot be read: No such file"):
        Source(tmp_path / "orders.odcs.yaml")
    with pytest.raises(ContractError, match="the contract cannot be read"):
        Source(tmp_path)


def test_values_and_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "orders.odcs.yaml"
    path.write_bytes("\ufeffa: 1\nday: 2026-01-02\nb:\n  - c: 0.10\n    d: é\n  - [x, null]\n".encode())
    source = Source(path)
    assert source.content == {"a": 1, "day": "2026-01-02", "b": [{"c": 0.1, "d": "é"}, ["x", None]]}
    lines = [source.line_of(path) for path in [("a",), ("b",), ("b", 0, "d"), ("b", 1, 1), ("b", 0, "missing", 3), ()]]
    assert lines == [1, 3, 5, 6, 4, 1]
