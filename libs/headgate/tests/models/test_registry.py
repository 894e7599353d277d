from pathlib import Path

import numpy as np
import psycopg
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator

from headgate.models.evaluation import Decision
from headgate.models.registry import (
    CHALLENGER,
    CHAMPION,
    MODEL_FILE,
    ModelRegistry,
    RegistryError,
    _without_credentials,
)

MODEL = "ml.test_model"


class Stranger:
    """A type of somebody else's."""

    def __init__(self) -> None:
        self.value = 1


def test_an_estimator_predicts_the_same_after_a_round_trip(registry: ModelRegistry) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(400, 3))
    outcome = inputs[:, 0] + rng.normal(size=400) > 0
    trees = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(inputs, outcome)
    estimator = CalibratedClassifierCV(FrozenEstimator(trees), method="sigmoid").fit(inputs, outcome)
    version = registry.store(MODEL, {"estimator": estimator}, metrics={}, tags={"dagster_run_id": "r"})
    loaded = registry.load(MODEL, version).payload["estimator"]
    np.testing.assert_array_equal(loaded.predict_proba(inputs), estimator.predict_proba(inputs))


def test_a_run_of_the_experiment_keeps_how_the_version_was_made(registry: ModelRegistry) -> None:
    registry.store(MODEL, {"weights": [1.0]}, metrics={"holdout.mae_kj": 2.5}, tags={}, parameters={"family": "trees"})
    experiment = registry._client.get_experiment_by_name(MODEL)
    (run,) = registry._client.search_runs([experiment.experiment_id])  # type: ignore[union-attr]
    assert (run.data.params, run.data.metrics) == ({"family": "trees"}, {"holdout.mae_kj": 2.5})


def test_a_type_that_is_not_trusted_is_not_stored(registry: ModelRegistry) -> None:
    with pytest.raises(RegistryError, match="would be refused") as raised:
        registry.store(MODEL, {"estimator": Stranger()}, metrics={}, tags={})
    assert "Stranger" in raised.value.what


def test_a_file_with_a_type_that_is_not_trusted_is_not_loaded(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.store(MODEL, {"weights": [1.0]}, metrics={}, tags={})
    (file,) = tmp_path.rglob(MODEL_FILE)
    skops.io.dump({"estimator": Stranger()}, file)
    with pytest.raises(RegistryError, match=r"not trusted: .*Stranger"):
        registry.load(MODEL, version)


def test_a_lost_file_is_named(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.store(MODEL, {"weights": [1.0]}, metrics={}, tags={})
    (file,) = tmp_path.rglob(MODEL_FILE)
    file.unlink()
    with pytest.raises(RegistryError, match="cannot be read") as raised:
        registry.load(MODEL, version)
    assert MODEL in raised.value.where


@pytest.mark.parametrize("uri", ["sqlite:////dev/null/mlflow.db", "postgresql+psycopg2://ml:secret@127.0.0.1:1/mlflow"])
def test_a_registry_out_of_reach_is_named_without_its_password(uri: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be opened") as raised:
        ModelRegistry(uri, tmp_path)
    assert "MLFLOW_TRACKING_URI" in raised.value.next_step
    assert "secret" not in str(raised.value)


@pytest.mark.services
def test_a_database_on_a_server_holds_models_and_aliases_as_well(server: str, tmp_path: Path) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("create database mlflow")
    url = server.replace("postgresql://", "postgresql+psycopg2://").replace("/postgres?", "/mlflow?")
    registry = ModelRegistry(url, tmp_path / "artifacts")
    for weight, decision in ((1.0, Decision.CHAMPION), (2.0, Decision.CHALLENGER), (3.0, Decision.REFUSED)):
        version = registry.store(MODEL, {"weights": [weight]}, metrics={"mae": weight}, tags={})
        registry.promote(MODEL, version, decision)
    again = ModelRegistry(url, tmp_path / "artifacts")
    found = [again.find(MODEL, alias) for alias in (CHAMPION, CHALLENGER)]
    assert [(one.version, one.payload) for one in found if one] == [(1, {"weights": [1.0]}), (2, {"weights": [2.0]})]


def test_credentials_are_cut_out_of_a_url() -> None:
    assert _without_credentials("postgresql://ml:secret@host/db") == "postgresql://…@host/db"
    assert _without_credentials("sqlite:////a/b@c.db") == "sqlite:////a/b@c.db"
