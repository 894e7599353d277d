"""Two teams' assets whose conditions are evaluated tick by tick, with a clock of their own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from headgate.orchestration.automation import automation

UP, DOWN, LAST = dg.AssetKey("up"), dg.AssetKey("down"), dg.AssetKey("last")
CRON = "0 5 * * *"
FOUR = datetime(2026, 3, 1, 4, tzinfo=UTC)


def make(name: str) -> Any:
    return automation(name, cron=CRON if name.startswith("on_") else None)


class Scene:
    """`up` → `down`, evaluated tick by tick; `up` has a blocking check and stands for another team's table."""

    def __init__(self, condition: Any, **later: Any) -> None:
        self.during_run: Callable[[], object] = lambda: None
        self.instance = dg.DagsterInstance.ephemeral()
        self.now = FOUR
        self.cursor: Any = None
        self.deploy(condition, **later)

    def deploy(self, condition: Any, *, last: Any = None, fails: bool = False, code_version: str = "1") -> None:
        @dg.asset(key=DOWN, deps=[UP], automation_condition=condition, code_version=code_version)
        def down() -> None:
            self.during_run()
            if fails:
                raise ValueError("broken")

        @dg.asset(key=LAST, deps=[DOWN], automation_condition=last)
        def after_down() -> None: ...

        @dg.asset_check(asset=UP, name="sound", blocking=True)
        def sound() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True)

        self.down = down
        self.definitions = dg.Definitions(assets=[dg.AssetSpec(UP), down, after_down], asset_checks=[sound])

    def tick(self, *, minutes: float = 1) -> int:
        """Requests of `down`."""
        self.now += timedelta(minutes=minutes)
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        self.cursor = result.cursor
        self.requested_last = result.get_num_requested(LAST)
        return result.get_num_requested(DOWN)

    def ticks(self, number: int = 6) -> int:
        return sum(self.tick() for _ in range(number))

    def update(self, key: dg.AssetKey = UP) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(key))

    def judge(self, *, passed: bool) -> None:
        evaluation = dg.AssetCheckEvaluation(asset_key=UP, check_name="sound", passed=passed, metadata={})
        self.instance.report_runless_asset_event(evaluation)

    def update_and_judge(self, *, passed: bool = True) -> None:
        self.update()
        self.judge(passed=passed)

    def run(self) -> bool:
        return dg.materialize([self.down], instance=self.instance, raise_on_error=False).success
