from datetime import UTC, datetime

import numpy as np
import pytest

from headgate.models.evaluation import EVALUATION_COLUMNS, Candidate, Decision, Duel, Score, decide, tabulate
from headgate.models.promotion import submit
from headgate.models.registry import ModelRegistry, RegistryError

MODEL = "ml.test_model"


def _candidate(value: float, baseline: float = 0.5) -> Candidate:
    """A model whose error on the hold-out is written in its payload."""
    score = Score("holdout", "log_loss", value, 10, {"base_rate": baseline}, is_deciding=True)
    return Candidate(MODEL, {"error": value}, (score,), score_payload=lambda payload: payload["error"])


def test_the_first_that_beats_its_baselines_is_champion(registry: ModelRegistry) -> None:
    outcome = submit(registry, _candidate(0.4), run_id="one")
    assert outcome.decision is Decision.CHAMPION
    assert (outcome.version, outcome.champion_version) == (1, 1)
    assert registry.champion(MODEL).payload == {"error": 0.4}


@pytest.mark.parametrize("value", [0.5, 0.6, float("nan")])
def test_one_that_does_not_is_refused_and_serves_nobody(registry: ModelRegistry, value: float) -> None:
    outcome = submit(registry, _candidate(value), run_id="one")
    assert outcome.decision is Decision.REFUSED
    assert outcome.champion_version is None
    assert "refused" in outcome.summary
    assert outcome.evaluations.decision.tolist() == ["refused"]
    assert registry.find(MODEL, "challenger") is None
    with pytest.raises(RegistryError, match="there is no champion") as raised:
        registry.champion(MODEL)
    assert "headgate build --team ml" in raised.value.next_step


def test_a_refused_version_leaves_the_champion_alone(registry: ModelRegistry) -> None:
    submit(registry, _candidate(0.4), run_id="one")
    outcome = submit(registry, _candidate(0.3, baseline=0.2), run_id="two")
    assert outcome.decision is Decision.REFUSED
    assert registry.champion(MODEL).version == 1


def test_a_challenger_must_be_better_than_the_champion_on_the_same_rows(registry: ModelRegistry) -> None:
    submit(registry, _candidate(0.4), run_id="one")
    worse = submit(registry, _candidate(0.45), run_id="two")
    assert worse.decision is Decision.CHALLENGER
    assert registry.champion(MODEL).version == 1
    assert registry.find(MODEL, "challenger").version == 2  # type: ignore[union-attr]
    champion = worse.evaluations[worse.evaluations.baseline == "champion"]
    assert champion[["value", "baseline_value", "is_better"]].to_dict("records") == [
        {"value": 0.45, "baseline_value": 0.4, "is_better": False}
    ]
    same = submit(registry, _candidate(0.4), run_id="three")
    assert same.decision is Decision.CHALLENGER
    better = submit(registry, _candidate(0.3), run_id="four")
    assert better.decision is Decision.CHAMPION
    assert registry.champion(MODEL).version == 4
    assert registry.find(MODEL, "challenger") is None


def test_a_champion_of_other_features_is_not_compared(registry: ModelRegistry) -> None:
    submit(registry, _candidate(0.1), run_id="one")
    score = _candidate(0.4).scores
    outcome = submit(registry, Candidate(MODEL, {"x": 1}, score, lambda p: 0.4 if "x" in p else None), run_id="two")
    assert outcome.decision is Decision.CHAMPION


def test_informative_baselines_do_not_decide() -> None:
    score = Score("b", "wape", 0.2, 5, {"naive": 0.3, "without": 0.1}, True, frozenset({"without"}))
    assert decide([score], None) is Decision.CHAMPION
    assert decide([Score("b", "wape", 0.2, 5, {"naive": 0.1}, True)], None) is Decision.REFUSED
    assert decide([Score("b", "recall_at_5", 0.2, 5, {"popular": 0.1}, True)], None) is Decision.CHAMPION
    assert decide([Score("b", "wape", 0.2, 5, {}, True)], None) is Decision.REFUSED


def test_every_deciding_score_has_to_beat_its_baselines() -> None:
    good, bad = (Score("b", "mae_kj", 2.0, 5, {"naive": rival}, True) for rival in (3.0, 1.0))
    assert decide([good, good], None) is Decision.CHAMPION
    assert decide([good, bad], None) is Decision.REFUSED
    assert decide([], None) is Decision.REFUSED


def test_tabulates_one_row_a_split_metric_and_baseline() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    duel = Duel("holdout", 0.4, 0.45)
    table = tabulate(_candidate(0.4), Decision.CHAMPION, duel, version=3, run_id="r", evaluated_at=moment)
    assert tuple(table.columns) == EVALUATION_COLUMNS
    assert table.baseline.tolist() == ["base_rate", "champion"]
    assert table.is_better.tolist() == [True, True]
    assert set(table.model_version) == {3}
    assert table.row_count.tolist() == [10, 10]


def test_payloads_come_back_as_they_were(registry: ModelRegistry) -> None:
    payload = {"features": ["a", "b"], "weights": np.array([0.1, 0.2]), "horizon": 4}
    version = registry.store(MODEL, payload, metrics={"holdout.log_loss": 0.4}, tags={})
    loaded = registry.load(MODEL, version)
    assert (loaded.version, loaded.payload["features"], loaded.payload["horizon"]) == (1, ["a", "b"], 4)
    assert loaded.payload["weights"].tolist() == [0.1, 0.2]
