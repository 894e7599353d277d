"""Segments: stretches of road near a place that athletes compare their times on, and which of them an athlete has starred.

What belongs here: their documents. Nothing of them is kept: place and number tell all of a segment, and an athlete's
number which ones are starred.
"""

from typing import Any

import numpy as np

from acme.strava.world import PLACES, Place, Stream

SEGMENTS_PER_PLACE = 6
_FIRST_ID = 600_001
_NAMES = ("Reservoir climb", "River sprint", "Chapel hill", "Old railway", "Quarry steps", "Ring road east")


def starred_segments(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """SummarySegments that an athlete has starred: three to six of those at home."""
    home = next(number for number, place in enumerate(PLACES) if place.city == profile["city"])
    rng = np.random.Generator(np.random.PCG64([int(Stream.SEGMENTS), profile["id"]]))
    count = int(rng.integers(3, SEGMENTS_PER_PLACE + 1))
    numbers = sorted(rng.permutation(SEGMENTS_PER_PLACE)[:count].tolist())
    return [_summary(home, number) for number in numbers]


def detailed_segment(segment_id: int) -> dict[str, Any] | None:
    """A DetailedSegment; None when there is no such segment."""
    home, number = divmod(segment_id - _FIRST_ID, SEGMENTS_PER_PLACE)
    if not 0 <= home < len(PLACES):
        return None
    summary = _summary(home, number)
    climb = round(summary["elevation_high"] - summary["elevation_low"], 1)
    return summary | {
        "resource_state": 3,
        "total_elevation_gain": climb,
        "star_count": 40 + 7 * number,
        "hazardous": False,
    }


def _summary(home: int, number: int) -> dict[str, Any]:
    """Metres and per cent; the place's own slope, more or less."""
    place: Place = PLACES[home]
    rng = np.random.Generator(np.random.PCG64([int(Stream.SEGMENTS), home, number]))
    distance = round(float(rng.uniform(600, 6_000)), 1)
    climb = round(distance / 1_000 * place.climb_m_per_km * float(rng.uniform(0.2, 3)), 1)
    start = [
        round(place.latitude + float(rng.normal(0, 0.05)), 6),
        round(place.longitude + float(rng.normal(0, 0.05)), 6),
    ]
    return {
        "id": _FIRST_ID + home * SEGMENTS_PER_PLACE + number,
        "resource_state": 2,
        "name": f"{_NAMES[number]}, {place.city}",
        "activity_type": "Run" if number == 4 else "Ride",
        "distance": distance,
        "average_grade": round(climb / distance * 100, 1),
        "maximum_grade": round(climb / distance * 100 * float(rng.uniform(1.2, 2.5)), 1),
        "elevation_high": round(place.altitude_m + climb, 1),
        "elevation_low": round(float(place.altitude_m), 1),
        "start_latlng": start,
        "end_latlng": [round(start[0] + distance / 111_320, 6), start[1]],
        "climb_category": 0,
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "private": False,
        "starred": True,
    }
