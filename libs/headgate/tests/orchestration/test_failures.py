"""What gets into Dagster's events when an asset fails: the three lines, and no secret."""

import os
import signal
import threading

import dagster as dg
import duckdb
import pytest
from dagster._utils.interrupts import raise_interrupts_as

from headgate.errors import HeadgateError
from headgate.orchestration.failures import dagster_failures


def fail(error: Exception, *secrets: str) -> str:
    with pytest.raises(dg.Failure) as raised, dagster_failures(secrets):
        raise error
    assert raised.value.allow_retries is False
    return raised.value.description or ""


def test_an_error_of_three_lines_is_kept() -> None:
    assert (
        fail(HeadgateError("it broke", where="here", next_step="mend it"))
        == "it broke\n  where: here\n  next:  mend it"
    )


def test_each_part_of_a_list_of_secrets_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS", "first-token, second-token")
    shown = fail(ValueError("second-token was refused, first-token was not; first-token, second-token"), "TOKENS")
    assert shown == "ValueError: ******** was refused, ******** was not; ********"


def test_an_address_is_hidden_when_it_holds_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_URL", "https://api.example.org/v3")
    monkeypatch.setenv("SHOP_URL", "postgresql://reader:hush@shop/orders")
    error = HeadgateError(
        "no answer", where="https://api.example.org/v3 for postgresql://reader:hush@shop/orders", next_step="wait"
    )
    assert "where: https://api.example.org/v3 for ********\n" in fail(error, "API_URL", "SHOP_URL")


def test_what_holds_no_secret_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS", "first-token")
    with pytest.raises(KeyError, match="unknown"), dagster_failures(("TOKENS",)):
        raise KeyError("unknown")


def interrupted_query() -> None:
    """A query that would take hours, of a process that is told to end in the middle of it."""
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    with duckdb.connect(config={"threads": 1}) as connection, raise_interrupts_as(dg.DagsterExecutionInterruptedError):
        timer.start()
        connection.execute("select count(*) from range(1000000000000) where sin(range) > 2")


def test_an_interrupt_in_a_query_stays_an_interrupt() -> None:
    with pytest.raises(dg.DagsterExecutionInterruptedError), dagster_failures():
        interrupted_query()


def test_an_interrupt_that_became_an_error_of_three_lines_stays_one_too() -> None:
    with pytest.raises(dg.DagsterExecutionInterruptedError), dagster_failures():
        try:
            interrupted_query()
        except Exception:
            raise HeadgateError("the table cannot be read", where="here", next_step="mend it") from None


def test_errors_that_came_from_each_other_are_told_once() -> None:
    """As dlt has them: what it caught in a step is the cause of what that step raised, and the other way round."""
    caught, raised = ValueError("a field of another type"), HeadgateError("it broke", where="here", next_step="mend it")
    caught.__context__, raised.__cause__ = raised, caught
    assert fail(raised).startswith("it broke\n")
