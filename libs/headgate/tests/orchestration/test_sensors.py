"""`update_sensor` on an instance in memory: a request for each update, whatever comes between."""

import random
import time
from typing import Any

import dagster as dg
import pytest

from headgate.orchestration.automation import AutomationError
from headgate.orchestration.sensors import MAX_RUNS_A_TICK, Cursor, requests_for_updates, update_sensor

UP = dg.AssetKey(["alpha", "numbers"])
OTHER = dg.AssetKey(["alpha", "letters"])


class Followed:
    """An instance with updates, and the sensor's looks at them."""

    def __init__(self, history: str = "all") -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.history = history
        self.cursor: str | None = None
        self.now_offset = 0.0

    def update(self, times: int = 1, key: dg.AssetKey = UP) -> None:
        for _ in range(times):
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key))

    def numbers(self) -> list[str]:
        records = self.instance.fetch_materializations(UP, limit=1000, ascending=True).records
        return [str(record.storage_id) for record in records]

    def look(self, *, keep_cursor: bool = True, instance: Any = None) -> list[str]:
        """The keys of the runs that one look asks for."""
        result = requests_for_updates(
            instance or self.instance, UP, self.cursor, history=self.history, now=time.time() + self.now_offset
        )
        if isinstance(result, dg.SkipReason):
            return []
        if keep_cursor:
            self.cursor = result.cursor
        return [str(request.run_key) for request in result.run_requests or ()]


@pytest.fixture
def followed() -> Followed:
    return Followed()


def test_every_update_once_also_the_first_and_those_before_the_first_look(followed: Followed) -> None:
    assert followed.look() == []
    followed.update()
    assert followed.look() == followed.numbers()[:1]
    followed.update(3)
    assert followed.look() == followed.numbers()[1:]
    assert followed.look() == []
    late = Followed()
    late.update(3)
    assert late.look() == late.numbers()


def test_updates_of_other_assets_start_nothing(followed: Followed) -> None:
    followed.update(5, OTHER)
    followed.instance.report_runless_asset_event(dg.AssetObservation(UP))
    assert followed.look() == []


def test_a_look_that_was_cut_short_asks_for_the_same_runs(followed: Followed) -> None:
    """The daemon was killed before the cursor was kept: the keys are the updates' own, so Dagster knows them again."""
    followed.update(2)
    cut_short = followed.look(keep_cursor=False)
    followed.update()
    assert followed.look() == [*cut_short, followed.numbers()[-1]]


def test_a_crowd_is_taken_in_batches_oldest_first(followed: Followed) -> None:
    followed.update(2 * MAX_RUNS_A_TICK + 3)
    looks = [followed.look() for _ in range(4)]
    assert [len(look) for look in looks] == [MAX_RUNS_A_TICK, MAX_RUNS_A_TICK, 3, 0]
    assert [request for look in looks for request in look] == followed.numbers()


def test_an_update_that_is_committed_after_a_later_one_is_not_lost(followed: Followed) -> None:
    """Two runs write at once: number 2 is seen before number 1, which was given first."""
    followed.update(3)
    first, second, third = followed.numbers()
    late = LateCommits(followed.instance, hidden={int(first), int(second)})
    assert followed.look(instance=late) == [third]
    late.hidden = {int(first)}
    assert followed.look(instance=late) == [second]
    assert followed.look() == [first]
    assert followed.look() == []


def test_the_cursor_stays_small(followed: Followed) -> None:
    followed.update(60)
    while followed.look():
        pass
    assert len(Cursor.read(followed.cursor).done) == 60
    followed.now_offset = 120
    assert followed.look() == []
    assert Cursor.read(followed.cursor) == Cursor(settled=int(followed.numbers()[-1]))


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_updates_looks_and_lost_cursors(seed: int) -> None:
    """Asked for at least once each, and never under another key."""
    chance, followed = random.Random(seed), Followed()
    asked: list[str] = []
    kept: list[str] = []
    for _ in range(60):
        step = chance.random()
        if step < 0.5:
            followed.update(chance.choice([1, 1, 1, 40]) if chance.random() < 0.1 else 1)
        else:
            keep = step < 0.9
            followed.now_offset += chance.choice([0, 0, 30, 100])
            found = followed.look(keep_cursor=keep)
            asked += found
            kept += found if keep else []
    while found := followed.look():
        asked += found
        kept += found
    assert set(asked) == set(followed.numbers())
    assert sorted(kept, key=int) == followed.numbers()


def test_only_the_latest_of_a_long_history_when_asked() -> None:
    followed = Followed(history="latest")
    followed.update(10)
    assert followed.look() == followed.numbers()[-1:]
    followed.update(2)
    assert followed.look() == followed.numbers()[-2:]


def test_the_first_update_with_latest_and_an_empty_history() -> None:
    followed = Followed(history="latest")
    assert followed.look() == []
    followed.update(2)
    assert followed.look() == followed.numbers()


def test_a_number_typed_in_as_cursor_is_where_it_goes_on(followed: Followed) -> None:
    followed.update(3)
    followed.cursor = followed.numbers()[1]
    assert followed.look() == followed.numbers()[2:]


def test_the_sensor_s_runs_carry_the_update_and_their_target() -> None:
    @dg.asset
    def follower() -> None: ...

    sensor = update_sensor("alpha.numbers", target=[follower])
    definitions = dg.Definitions(assets=[follower, dg.AssetSpec(UP)], sensors=[sensor])
    assert (sensor.name, sensor.minimum_interval_seconds) == ("follow_alpha_numbers", 1)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    instance = dg.DagsterInstance.ephemeral()
    instance.report_runless_asset_event(dg.AssetMaterialization(UP))
    with dg.build_sensor_context(instance, definitions=definitions) as context:
        (request,) = sensor.evaluate_tick(context).run_requests or ()
    assert request.tags["headgate/update_of"] == "alpha.numbers"
    assert request.tags["headgate/update"] == request.run_key


def test_a_key_that_names_no_table_is_said() -> None:
    with pytest.raises(AutomationError, match="'numbers' names no table"):
        update_sensor("numbers", target=[])


class LateCommits:
    """An instance on which some events are not to be seen yet."""

    def __init__(self, instance: dg.DagsterInstance, hidden: set[int]) -> None:
        self.instance, self.hidden = instance, hidden

    def fetch_materializations(self, *args: Any, **options: Any) -> Any:
        result = self.instance.fetch_materializations(*args, **options)
        records = [record for record in result.records if record.storage_id not in self.hidden]
        return type(result)(records=records, cursor=result.cursor, has_more=result.has_more)
