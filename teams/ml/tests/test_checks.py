import ibis

from ml.checks import judge_baselines, judge_tiers, judge_total


def _evaluation(decision: str, is_better: bool) -> ibis.Table:
    return ibis.memtable(
        {
            "baseline": ["naive", "champion"],
            "value": [0.2, 0.2],
            "baseline_value": [0.3, 0.1],
            "is_better": [is_better, False],
            "is_deciding": [True, True],
            "decision": [decision, decision],
        }
    )


def test_a_refused_model_is_a_warning() -> None:
    refused = judge_baselines(_evaluation("refused", False))
    assert (refused.passed, refused.severity.value) == (False, "WARN")
    assert judge_baselines(_evaluation("challenger", True)).passed


def test_scores_of_one_tier_tell_nobody_apart() -> None:
    assert not judge_tiers(ibis.memtable({"risk_tier": ["High"] * 50})).passed
    assert judge_tiers(ibis.memtable({"risk_tier": ["High", "Low"]})).passed


def test_all_products_together_do_not_double() -> None:
    assert judge_total(ibis.memtable({"forecast_units": [30.0, 80.0], "recent_units": [10.0, 90.0]})).passed
    assert not judge_total(ibis.memtable({"forecast_units": [200.0], "recent_units": [100.0]})).passed
    assert not judge_total(ibis.memtable({"forecast_units": [1.0], "recent_units": [0.0]})).passed
