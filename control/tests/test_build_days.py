"""Which day each team of a build computes as of."""

from datetime import date
from pathlib import Path

from headgate.team import Team
from headgate_control.build.days import team_days

SHOP, CLUB = date(2026, 3, 1), date(2026, 11, 20)


def team(name: str, *, secrets: tuple[str, ...] = (), consumes: tuple[str, ...] = ()) -> Team:
    return Team(
        name=name,
        folder=Path(name),
        description="",
        owner=f"team:{name}",
        secrets=secrets,
        consumes=dict.fromkeys(consumes, ">=1"),
    )


TEAMS = [
    team("reports", consumes=("ml.forecast", "riders.weeks")),
    team("ml", consumes=("sales.orders",)),
    team("sales", secrets=("SHOP_URL",)),
    team("riders", secrets=("STRAVA_BASE_URL", "STRAVA_CLIENT_ID")),
    team("alone", secrets=("MAP_KEY",)),
]


def test_a_team_computes_as_of_the_world_that_its_data_is_from() -> None:
    assert team_days(TEAMS, shop=SHOP, club=CLUB) == {"sales": SHOP, "ml": SHOP, "riders": CLUB, "reports": CLUB}


def test_the_storefront_has_a_day_of_its_own() -> None:
    teams = [*TEAMS, team("foundation", secrets=("TRANSACTION_DB_URL",)), team("bi", consumes=("foundation.facts",))]
    days = team_days(teams, shop=SHOP, club=None, storefront=CLUB)
    assert days == {"sales": SHOP, "ml": SHOP, "reports": SHOP, "foundation": CLUB, "bi": CLUB}
    assert "bi" not in team_days(teams, shop=SHOP, club=None)


def test_somebodys_own_sources_have_the_clocks_day() -> None:
    """An account at the real service, beside a shop that is played and was made long ago."""
    assert team_days(TEAMS, shop=SHOP, club=None) == {"sales": SHOP, "ml": SHOP, "reports": SHOP}
    assert team_days(TEAMS, shop=None, club=None) == {}
