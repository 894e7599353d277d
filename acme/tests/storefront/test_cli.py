"""The command line as a person or another program runs it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from acme.cli import main


@pytest.fixture
def run(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command and return its document."""
    monkeypatch.setenv("ACME_URL", url)
    monkeypatch.setenv("ACME_STOREFRONT", str(tmp_path / "a folder" / "storefront"))

    def document(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["acme", "storefront", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        assert not left.value.code, printed.err
        return json.loads(printed.out)

    return document


def test_a_world_from_the_command_line(run: Any) -> None:
    world = run("seed", "--lines", "1k", "--days", "60", "--today", "2026-08-01", "--force")
    assert (world["lines_at_seeding"], world["today"], world["is_new"]) == (1_000, "2026-08-01", True)
    assert not run("seed")["is_new"]
    (day,) = run("advance")
    assert day["day"] == "2026-08-01"
    fault = run("fault", "inject", "null_key", "--count", "3")
    assert fault["ids"] == [None] * 3
    info = run("info")
    assert info["faults"] == {"null_key": 3} and info["today"] == "2026-08-02"
    assert info["totals"]["transactions"] == world["totals"]["transactions"] + day["added"]["transactions"]
    assert len(run("fault", "clear")) == 1

    book = run("ledger")
    assert sum(month["lines"] for month in book["months"].values()) == book["totals"]["transactions"]
    assert book["attributed_lines"]["overall"] > book["attributed_lines"]["sku"] > 0
    assert book["late_lines"] and book["lagged_lines"] and len(book["changed_accounts"]) == day["changed"]["accounts"]
    assert {campaign["platform"] for campaign in book["campaigns"]} == {"google_ads", "facebook_ads"}


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (["info"], "There is no complete storefront yet"),
        (["seed", "--url", "postgresql:///x", "--lines", "many"], "'many' is not a count"),
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
    monkeypatch.setattr(sys, "argv", ["acme", "storefront", *arguments, "--ledger", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == first_line
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["where", "next"]
