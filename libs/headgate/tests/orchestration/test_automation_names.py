"""The names of automations: what is refused, and how an asset takes one."""

from pathlib import Path

import pytest
from automation_scene import CRON, make

import headgate
from headgate.orchestration.automation import NAMES, AutomationError, automation
from headgate.team import read_team


def test_manual_is_no_condition() -> None:
    assert automation("manual") is None


def test_an_unknown_name_names_the_choices() -> None:
    with pytest.raises(AutomationError) as error:
        automation("eagre")
    what, _, next_step = str(error.value).splitlines()
    assert what == "there is no automation named 'eagre'"
    assert all(name in next_step for name in NAMES)


@pytest.mark.parametrize(
    ("name", "cron", "timezone", "message"),
    [
        ("on_cron", None, "UTC", "needs a schedule"),
        ("on_schedule", "every day", "UTC", "'every day' is no cron expression"),
        ("on_cron", CRON, "Mars/Base", "'Mars/Base' is no time zone"),
        ("eager", CRON, "UTC", "takes no schedule"),
    ],
)
def test_a_wrong_schedule_is_said(name: str, cron: str | None, timezone: str, message: str) -> None:
    with pytest.raises(AutomationError, match=message) as error:
        automation(name, cron=cron, timezone=timezone)
    assert len(str(error.value).splitlines()) == 3


def test_every_name_has_a_label_to_be_read_in_the_ui() -> None:
    assert [make(name).get_label() for name in NAMES if name != "manual"] == [
        "missing_or_changed",
        "eager",
        "eager_after_checks",
        "lazy",
        f"on_cron({CRON}, UTC)",
        f"on_schedule({CRON}, UTC)",
    ]


def test_assets_take_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = '[project]\nname = "tiny"\n\n[tool.headgate]\nowner = "team:tiny"\n'
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
    monkeypatch.setattr("headgate.orchestration.assets.find_team", lambda _: read_team(folder))

    @headgate.asset(automation="eager_after_checks")
    def follower() -> None: ...

    @headgate.asset(automation="missing_or_changed")
    def changing() -> None: ...

    @headgate.asset(automation=automation("on_schedule", cron=CRON))
    def daily() -> None: ...

    @headgate.asset(automation="manual")
    def by_hand() -> None: ...

    labels = [asset.automation_conditions_by_key.get(asset.key) for asset in (follower, changing, daily, by_hand)]
    assert [label and label.get_label() for label in labels] == [
        "eager_after_checks",
        "missing_or_changed",
        f"on_schedule({CRON}, UTC)",
        None,
    ]
    assert changing.code_versions_by_key[changing.key] and not follower.code_versions_by_key[follower.key]
    with pytest.raises(AutomationError, match=r"no automation named 'sometimes'\n  where: tiny/wrong"):

        @headgate.asset(automation="sometimes")
        def wrong() -> None: ...
