"""The command line as a person or another program runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


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


def test_errors_have_three_lines_and_an_exit_code(url: str, tmp_path: Path) -> None:
    for arguments, first in (
        (("info",), "There is no complete world yet"),
        (("seed", "--orders", "many"), "'many' is not a count"),
        (("seed", "--today", "soon"), "'soon' is not a day"),
        (("fault", "inject", "gremlin"), "There is no fault 'gremlin'"),
    ):
        done = run(*arguments, url=url, ledger=tmp_path / "none")
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == first
        assert len(done.stderr.splitlines()) == 3 and "Traceback" not in done.stderr
    assert run("frobnicate", url=url, ledger=tmp_path).returncode == 2
