"""Each automation on: an update, a failed run, a missing input, a redeploy, an input's failing check."""

from typing import Any

import pytest
from automation_scene import CRON, DOWN, LAST, Scene, make

from headgate.orchestration.automation import NAMES, automation


@pytest.fixture
def settled() -> Any:
    """A scene in which everything exists, the checks have passed, and nothing is due."""

    def settle(name: str, **options: Any) -> Scene:
        scene = Scene(make(name), **options)
        scene.update_and_judge()
        scene.update(DOWN)
        scene.update(LAST)
        assert scene.ticks() == 0
        return scene

    return settle


ON_UPDATE = ("eager", "eager_after_checks")


# --- update ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_UPDATE)
def test_an_update_is_followed_once(settled: Any, name: str) -> None:
    scene = settled(name)
    for _ in range(3):
        scene.update_and_judge()
        assert scene.tick() == 1
        assert scene.run()
        assert scene.ticks() == 0


@pytest.mark.parametrize("name", ON_UPDATE)
def test_an_update_right_after_the_request_is_followed_too(settled: Any, name: str) -> None:
    """Dagster's own `eager` loses it."""
    scene = settled(name)
    scene.update_and_judge()
    assert scene.tick() == 1
    scene.update_and_judge()
    assert scene.tick() == 1
    assert scene.ticks() == 0


@pytest.mark.parametrize("name", ON_UPDATE)
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_an_update_during_the_run_is_followed_when_it_ended(settled: Any, name: str, fails: bool) -> None:
    """Dagster's own `eager` loses it: the end of the run counts as having handled it."""
    scene = settled(name, fails=fails)
    requested = []

    def update_while_running() -> None:
        requested.append(scene.tick())
        scene.update_and_judge()
        requested.append(scene.tick())

    scene.update_and_judge()
    assert scene.tick() == 1
    scene.during_run = update_while_running
    scene.run()
    assert requested == [0, 0]
    assert scene.tick() == 1
    scene.during_run = lambda: None
    scene.run()
    assert scene.ticks() == 0


@pytest.mark.parametrize("name", ["on_schedule", "on_cron"])
def test_a_time_of_the_schedule_during_a_run_is_not_lost(settled: Any, name: str) -> None:
    scene = settled(name)
    requested = []

    def five_o_clock_passes() -> None:
        requested.append(scene.tick())
        scene.now = scene.now.replace(hour=5)
        requested.append(scene.tick())
        scene.update_and_judge()
        requested.append(scene.tick())

    scene.during_run = five_o_clock_passes
    assert scene.run()
    assert requested == [0, 0, 0]
    scene.during_run = lambda: None
    assert scene.tick() == 1
    assert scene.run()
    assert scene.ticks() == 0


def test_an_update_does_not_run_what_follows_something_else(settled: Any) -> None:
    for name in ("missing_or_changed", "on_schedule", "on_cron", "lazy"):
        scene = settled(name)
        scene.update_and_judge()
        assert scene.ticks() == 0, name


def test_a_run_by_hand_after_the_update_counts(settled: Any) -> None:
    """What was due but had to wait is not run again after somebody ran it."""
    scene = settled("eager_after_checks")
    scene.update_and_judge(passed=False)
    assert scene.tick() == 0
    scene.during_run = scene.tick
    assert scene.run()
    assert scene.tick() == 0
    scene.judge(passed=True)
    assert scene.ticks() == 0


# --- schedules -------------------------------------------------------------------------------------------------------


def test_on_schedule_runs_once_a_time_of_the_schedule(settled: Any) -> None:
    scene = settled("on_schedule")
    for _ in range(2):
        assert scene.tick(minutes=60) == 1
        assert scene.run()
        assert scene.ticks() == 0
        assert scene.tick(minutes=22 * 60) == 0
        scene.now = scene.now.replace(hour=4, minute=10)


def test_on_cron_waits_for_the_inputs_of_that_time(settled: Any) -> None:
    scene = settled("on_cron")
    assert scene.tick(minutes=60) == 0
    assert scene.ticks() == 0
    scene.update_and_judge()
    assert scene.tick() == 1
    assert scene.run()
    scene.update_and_judge()
    assert scene.ticks() == 0


def test_lazy_runs_with_what_is_due_downstream(settled: Any) -> None:
    scene = settled("lazy", last=automation("on_schedule", cron=CRON))
    assert scene.tick(minutes=60) == 1
    assert scene.requested_last == 1
    assert scene.run()
    scene.update(LAST)
    assert scene.ticks() == 0


def test_lazy_below_two_conditions_is_not_run_for_ever() -> None:
    """Conditions that are alike in Dagster's eyes would take over each other's state."""
    scene = Scene(make("lazy"), last=make("missing_or_changed"))
    scene.update_and_judge()
    first = scene.tick()
    assert first == 1 and scene.requested_last == 1
    assert scene.run()
    scene.update(LAST)
    assert scene.ticks(8) == 0


# --- failure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_UPDATE)
def test_a_failed_run_waits_for_the_next_update(settled: Any, name: str) -> None:
    scene = settled(name, fails=True)
    scene.update_and_judge()
    assert scene.tick() == 1
    assert not scene.run()
    assert scene.ticks(8) == 0
    scene.update_and_judge()
    assert scene.tick() == 1


@pytest.mark.parametrize("name", ["missing_or_changed", "eager", "eager_after_checks"])
def test_what_never_succeeded_is_not_tried_again(name: str) -> None:
    scene = Scene(make(name), fails=True)
    scene.update_and_judge()
    assert scene.tick() == 1
    assert not scene.run()
    assert scene.ticks(8) == 0


@pytest.mark.parametrize("name", ["on_schedule", "on_cron"])
def test_a_failed_run_waits_for_the_next_time(settled: Any, name: str) -> None:
    scene = settled(name, fails=True)
    scene.now = scene.now.replace(hour=5)
    scene.update_and_judge()
    assert scene.ticks(2) == 1
    assert not scene.run()
    assert scene.ticks(8) == 0


def test_a_failed_lazy_run_is_not_tried_again(settled: Any) -> None:
    """Nor is what it was run for: the time of the schedule is dealt with."""
    scene = settled("lazy", last=automation("on_schedule", cron=CRON), fails=True)
    assert scene.tick(minutes=60) == 1
    assert not scene.run()
    assert scene.ticks(8) == 0


# --- missing upstream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["missing_or_changed", "eager", "eager_after_checks"])
def test_a_missing_input_is_waited_for(name: str) -> None:
    scene = Scene(make(name))
    assert scene.ticks() == 0
    scene.update_and_judge()
    assert scene.tick() == 1
    assert scene.run()
    assert scene.ticks() == 0


@pytest.mark.parametrize("name", ["on_schedule", "on_cron"])
def test_a_time_of_the_schedule_waits_for_a_missing_input(name: str) -> None:
    scene = Scene(make(name))
    scene.tick()
    assert scene.tick(minutes=60) == 0
    assert scene.ticks() == 0
    scene.update_and_judge()
    assert scene.tick() == 1
    assert scene.run()
    assert scene.ticks() == 0


def test_lazy_waits_for_a_missing_input() -> None:
    scene = Scene(make("lazy"), last=automation("on_schedule", cron=CRON))
    scene.tick()
    assert scene.tick(minutes=60) == 0


# --- redeploy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("manual", "missing_or_changed")])
def test_a_redeploy_runs_nothing(settled: Any, name: str) -> None:
    last = automation("on_schedule", cron=CRON) if name == "lazy" else None
    scene = settled(name, last=last)
    scene.deploy(make(name), last=last, code_version="2")
    assert scene.ticks() == 0
    scene.cursor = None  # the sensor was new, or its state was lost
    assert scene.ticks() == 0


def test_a_redeploy_runs_what_is_to_run_when_it_changed(settled: Any) -> None:
    scene = settled("missing_or_changed")
    scene.deploy(make("missing_or_changed"), code_version="1")
    assert scene.ticks() == 0
    scene.deploy(make("missing_or_changed"), code_version="2", fails=True)
    assert scene.tick() == 1
    assert not scene.run()
    assert scene.ticks() == 0


@pytest.mark.parametrize("name", ON_UPDATE)
def test_an_update_across_a_redeploy_is_followed(settled: Any, name: str) -> None:
    scene = settled(name)
    scene.update_and_judge()
    scene.deploy(make(name), code_version="2")
    assert scene.ticks() == 1


# --- failing upstream check ------------------------------------------------------------------------------------------


def test_eager_after_checks_waits_until_the_input_s_check_passes(settled: Any) -> None:
    scene = settled("eager_after_checks")
    scene.update_and_judge(passed=False)
    assert scene.ticks() == 0
    scene.judge(passed=True)
    assert scene.tick() == 1
    assert scene.run()
    assert scene.ticks() == 0


def test_a_failing_check_that_is_mended_by_an_update_is_followed_once(settled: Any) -> None:
    scene = settled("eager_after_checks")
    scene.update_and_judge(passed=False)
    assert scene.ticks() == 0
    scene.update_and_judge(passed=True)
    assert scene.ticks() == 1


@pytest.mark.parametrize("name", ["on_schedule", "on_cron"])
def test_a_time_of_the_schedule_waits_until_the_input_s_check_passes(settled: Any, name: str) -> None:
    scene = settled(name)
    scene.now = scene.now.replace(hour=5)
    scene.update_and_judge(passed=False)
    assert scene.ticks() == 0
    scene.judge(passed=True)
    assert scene.ticks() == 1


def test_missing_or_changed_waits_until_the_input_s_check_passes(settled: Any) -> None:
    scene = settled("missing_or_changed")
    scene.update_and_judge(passed=False)
    scene.deploy(make("missing_or_changed"), code_version="2")
    assert scene.ticks() == 0
    scene.judge(passed=True)
    assert scene.ticks() == 1


def test_lazy_takes_nothing_in_front_while_the_input_s_check_fails(settled: Any) -> None:
    scene = settled("lazy", last=automation("on_schedule", cron=CRON))
    scene.update_and_judge(passed=False)
    assert scene.tick(minutes=60) == 0


def test_eager_does_not_ask_for_checks(settled: Any) -> None:
    scene = settled("eager")
    scene.update_and_judge(passed=False)
    assert scene.ticks() == 1


# --- manual ----------------------------------------------------------------------------------------------------------


def test_manual_is_started_by_nothing_of_all_this() -> None:
    scene = Scene(make("manual"), fails=True)
    assert scene.ticks() == 0  # its input is missing
    scene.update_and_judge()
    assert scene.ticks() == 0
    assert not scene.run()
    assert scene.ticks() == 0
    scene.deploy(make("manual"), code_version="2")
    scene.update_and_judge(passed=False)
    assert scene.ticks(8) == 0
