"""Activities for a page: a year of two athletes from a formula, and at the edges of the eight weeks one each.

Same rows every time; numbers can be worked out by hand or in SQL. Columns are those of the published tables that the page reads.
"""

from datetime import date, timedelta

import ibis
import pandas as pd

AS_OF = date(2026, 2, 18)
"""A Wednesday: the eight whole weeks are Monday 2025-12-22 to Sunday 2026-02-15, so New Year is among them."""
FIRST_MONDAY, LAST_SUNDAY = date(2025, 12, 22), date(2026, 2, 15)
SPORTS = (("Cycling", "Ride"), ("Cycling", "GravelRide"), ("Running", "Run"), ("Other", "Swim"))


def activity(
    day: date, athlete_id: int = 1, *, sport: tuple[str, str] = SPORTS[0], **others: object
) -> dict[str, object]:
    """One activity of 20 km, an hour and 100 m of climbing."""
    return {
        "athlete_id": athlete_id,
        "start_date": day,
        "week_start": day - timedelta(days=day.weekday()),
        "sport_type": sport[0],
        "recorded_sport_type": sport[1],
        "distance_m": 20_000.0,
        "moving_time_s": 3600,
        "elevation_gain_m": 100.0,
        "energy_kj": 500.0 if sport[0] == "Cycling" else None,
        "is_doubtful": False,
        "is_private": False,
    } | others


def make_year() -> list[dict[str, object]]:
    """An activity every other day of the first athlete and every third of the second, all different."""
    rows = []
    for athlete_id, step in ((1, 2), (2, 3)):
        for number in range(0, 400, step):
            sport = SPORTS[(number // step) % (3 if athlete_id == 1 else 4)]
            rows.append(
                activity(
                    AS_OF - timedelta(days=number),
                    athlete_id,
                    sport=sport,
                    distance_m=5_000.0 + 137 * (number % 97) * athlete_id,
                    moving_time_s=1_800 + 61 * (number % 53),
                    elevation_gain_m=float(number % 89) * 3 if number % 7 else None,
                    is_doubtful=number % 50 == 49,
                    is_private=number % 31 == 5,
                )
            )
    return rows


def tables(rows: list[dict[str, object]]) -> tuple[ibis.Table, ibis.Table]:
    """`fct_activities` and `dim_activities` in a database of their own."""
    frame = pd.DataFrame(rows).assign(activity_id=range(1, len(rows) + 1))
    frame = frame.astype({name: "float64" for name in ("distance_m", "elevation_gain_m", "energy_kj")})
    connection = ibis.duckdb.connect()
    kinds = frame[["activity_id", "recorded_sport_type", "is_private"]]
    measures = frame.drop(columns=["recorded_sport_type", "is_private"])
    return connection.create_table("fct_activities", measures), connection.create_table("dim_activities", kinds)
