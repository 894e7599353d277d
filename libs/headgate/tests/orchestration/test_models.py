import ibis

from headgate.orchestration.models import judge_baselines


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
