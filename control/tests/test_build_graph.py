"""What a build may run next, and what a failure skips."""

import pytest

from headgate_control.build.graph import Asset, Progress, SelectionError, select_assets

#   a.raw → a.sum → m.model → a.report      a.other stands alone
EDGES = {
    ("a", "raw"): [],
    ("a", "sum"): [("a", "raw")],
    ("a", "other"): [],
    ("m", "model"): [("a", "sum")],
    ("a", "report"): [("m", "model"), ("a", "other")],
}
ASSETS = {
    key: Asset(key=key, location=key[0], group="g", step="__".join(key), parents=frozenset(parents))
    for key, parents in EDGES.items()
}


def test_batches_are_all_that_a_location_can_do_next() -> None:
    progress = Progress(ASSETS, pending=set(ASSETS))
    first = progress.next_batch("a")
    assert first == {("a", "raw"), ("a", "sum"), ("a", "other")}
    assert progress.next_batch("m") == set()
    progress.start(first)
    assert progress.next_batch("m") == set()
    for key in first:
        progress.finish(key, ok=True)
    assert progress.next_batch("m") == {("m", "model")}
    assert progress.next_batch("a") == set()


def test_a_failure_skips_what_hangs_on_it_and_only_that() -> None:
    progress = Progress(ASSETS, pending=set(ASSETS))
    progress.start(progress.next_batch("a"))
    progress.finish(("a", "other"), ok=True)
    progress.finish(("a", "raw"), ok=False)
    assert progress.skip_dependents() == {("a", "sum"), ("m", "model"), ("a", "report")}
    assert progress.built == {("a", "other")} and not progress.pending and not progress.running


def test_what_is_not_selected_does_not_hold_anything_up() -> None:
    progress = Progress(ASSETS, pending={("m", "model")})
    assert progress.next_batch("m") == {("m", "model")}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("sum", {"a.sum"}),
        ("a.sum", {"a.sum"}),
        ("a/sum", {"a.sum"}),
        ("a.*", {"a.raw", "a.sum", "a.other", "a.report"}),
        ("+model", {"a.raw", "a.sum", "m.model"}),
        ("model+", {"m.model", "a.report"}),
    ],
)
def test_selecting(pattern: str, names: set[str]) -> None:
    chosen = select_assets(ASSETS, teams=[], patterns=[pattern])
    assert {".".join(key) for key in chosen} == names


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("reprot", "a.report"), ("m.modle", "m.model"), ("x", "a.other, a.raw, a.report, a.sum, m.model")],
)
def test_a_slip_of_the_hand_is_answered_by_what_is_alike(name: str, suggested: str) -> None:
    with pytest.raises(SelectionError) as caught:
        select_assets(ASSETS, teams=[], patterns=[name])
    assert caught.value.next_step == f"choose among {suggested}"


def test_where_no_team_loads_nothing_is_suggested() -> None:
    with pytest.raises(SelectionError) as caught:
        select_assets({}, teams=[], patterns=["report"])
    assert caught.value.next_step == "mend the teams first: none loads"


def test_selecting_by_team_and_by_what_is_not_there() -> None:
    assert select_assets(ASSETS, teams=["m"], patterns=[]) == {("m", "model")}
    with pytest.raises(SelectionError, match="no asset is named 'raw'"):
        select_assets(ASSETS, teams=["m"], patterns=["raw"])
    with pytest.raises(SelectionError, match="there is no team 'x'"):
        select_assets(ASSETS, teams=["x"], patterns=[])
