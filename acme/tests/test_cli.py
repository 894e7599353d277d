"""The command line as a person or another program runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acme.cli import main


def run(*arguments: str, url: str = "", ledger: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ACME_URL": url, "ACME_LEDGER": str(ledger or "")}
    command = [sys.executable, "-m", "acme", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def document(*arguments: str, url: str, ledger: Path) -> Any:
    done = run(*arguments, url=url, ledger=ledger)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_world_from_the_command_line(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "ledger"
    world = document("seed", "--orders", "2k", "--today", "2026-08-01", "--force", url=url, ledger=folder)
    assert (world["orders"], world["today"], world["is_new"]) == (2_000, "2026-08-01", True)
    (day,) = document("advance", url=url, ledger=folder)
    assert day["day"] == "2026-08-01"
    fault = document("fault", "inject", "null_key", "--count", "3", url=url, ledger=folder)
    assert fault["ids"] == [None] * 3
    info = document("info", url=url, ledger=folder)
    assert info["faults"] == {"null_key": 3} and info["today"] == "2026-08-02"
    assert info["orders"] == 2_000 + day["orders"] + day["late"] + day["lagged"]
    assert len(document("fault", "clear", url=url, ledger=folder)) == 1

    book = document("ledger", "--ids", url=url, ledger=folder)
    assert book["totals"]["orders"] == info["orders"] == len(book["order_ids"])
    assert sum(totals["quantity"] for totals in book["days"].values()) == info["quantity"]
    assert len(book["corrected_order_ids"]) == day["corrections"]


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (["info"], "There is no complete world yet"),
        (["seed", "--url", "postgresql:///x", "--orders", "many"], "'many' is not a count"),
        (["seed", "--url", "postgresql:///x", "--today", "soon"], "'soon' is not a day"),
        (["fault", "inject", "gremlin", "--url", "postgresql:///x"], "There is no fault 'gremlin'"),
    ],
)
def test_errors_have_three_lines_and_an_exit_code(
    arguments: list[str],
    first_line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["acme", *arguments, "--ledger", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == first_line
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["where", "next"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_three_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    (tmp_path / "world.new").symlink_to("/dev/full")
    monkeypatch.setattr(sys, "argv", ["acme", "seed", "--url", url, "--ledger", str(tmp_path), "--force"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "The file system refused: No space left on device" and len(lines) == 3
