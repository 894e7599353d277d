import ibis

from ml.checks import judge_tiers, judge_total


def test_scores_of_one_tier_tell_nobody_apart() -> None:
    assert not judge_tiers(ibis.memtable({"risk_tier": ["High"] * 50})).passed
    assert judge_tiers(ibis.memtable({"risk_tier": ["High", "Low"]})).passed


def test_all_products_together_do_not_double() -> None:
    assert judge_total(ibis.memtable({"forecast_units": [30.0, 80.0], "recent_units": [10.0, 90.0]})).passed
    assert not judge_total(ibis.memtable({"forecast_units": [200.0], "recent_units": [100.0]})).passed
    assert not judge_total(ibis.memtable({"forecast_units": [1.0], "recent_units": [0.0]})).passed
