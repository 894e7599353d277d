"""SIGKILL at every stage of a run; the next run makes the table exact: missing 0, doubled 0, against the ledger."""

import signal

import pytest

STAGES = {
    "the token was stored": "fitness.ingestion.token_file:TokenFile.write:1",
    "half of the pages": "headgate.sources.http:PoliteAdapter.send:6",
    "rows in, not committed": "headgate.sources.dlt.landing:record_load:1",
    "committed, nobody told": "headgate.orchestration.dlt:land:1",
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_the_next_run_is_exact(acme, lake, start_run, stage) -> None:
    killed = start_run(stage)
    assert killed.wait(240) == -signal.SIGKILL
    again = start_run()
    _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors
    rows = lake("select id from activities order by id")
    assert [number for (number,) in rows] == acme.ids()  # sorted and complete: none missing, none doubled
    assert lake("select count(*) from _dlt_loads where table_name = 'activities'")[0][0] == (
        2 if stage.endswith("land:1") else 1
    )
