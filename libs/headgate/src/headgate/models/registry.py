"""The registry of models: MLflow for versions and aliases, skops for what is in them.

A version is a folder with `model.skops`. Skops rebuilds objects of known types only and runs no code of the file's
choosing, unlike pickle. The types that are trusted are named here, by the reader; MLflow's own scikit-learn flavour
reads them from the model's folder, so whoever wrote the folder would choose them, and is not used for that reason.

What belongs here: storing, loading, aliases. What does not: what a model is (its team's own module) or whether it is
good (`evaluation`). MLflow takes over a second to import: only when used. A model is named `team.model`.
"""

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.models.evaluation import Decision, Payload

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = Decision.CHAMPION.value, Decision.CHALLENGER.value
MODEL_FILE = "model.skops"
TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types of NumPy and scikit-learn that skops does not trust unasked; they hold data alone. Any other type is refused."""


class RegistryError(HeadgateError):
    """The registry is out of reach, or does not hold what is asked for."""


@dataclass(frozen=True)
class StoredModel:
    """One version of a model, loaded."""

    name: str
    version: int
    payload: Payload


class ModelRegistry:
    """The models of one tracking store.

    Args:
        tracking_uri: MLflow's: a SQLAlchemy URL, or http(s) of a tracking server.
        artifact_folder: where model files go; a tracking server decides itself and ignores it.

    Raises:
        RegistryError: the store cannot be opened.
    """

    def __init__(self, tracking_uri: str, artifact_folder: Path) -> None:
        self._where = _without_credentials(tracking_uri)
        self._artifact_folder = artifact_folder
        self._is_server = tracking_uri.startswith(("http://", "https://"))
        self._client = self._connect(tracking_uri)

    def store(
        self,
        name: str,
        payload: Payload,
        *,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        parameters: Mapping[str, str] | None = None,
    ) -> int:
        """Stores a new version, without any alias; returns its number.

        Raises:
            RegistryError: the payload holds a type that could not be loaded again.
        """
        import skops.io

        client = self._client
        experiment = client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else self._create_experiment(name)
        run = client.create_run(experiment_id, tags=dict(tags))
        for metric, value in metrics.items():
            client.log_metric(run.info.run_id, metric, value)
        for parameter, text in (parameters or {}).items():
            client.log_param(run.info.run_id, parameter, text)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / MODEL_FILE
            skops.io.dump(payload, file)
            if untrusted := _untrusted_types(file):
                raise RegistryError(
                    f"a {name} model holds types that would be refused when it is loaded: {', '.join(untrusted)}",
                    where="headgate/models/registry.py, TRUSTED_TYPES",
                    next_step="store arrays and scikit-learn estimators, or review the type and add it to the list",
                )
            client.log_artifact(run.info.run_id, str(file), "model")
        client.set_terminated(run.info.run_id)
        self._ensure_registered(name)
        version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id, tags=dict(tags))
        return int(version.version)

    def promote(self, name: str, version: int, decision: Decision) -> None:
        """Gives the version the alias that was decided; one that was refused gets none."""
        self._client.set_model_version_tag(name, str(version), "decision", decision.value)
        if decision is Decision.REFUSED:
            return
        self._client.set_registered_model_alias(name, decision.value, str(version))
        if decision is Decision.CHAMPION and self._version_of(name, CHALLENGER) is not None:
            self._client.delete_registered_model_alias(name, CHALLENGER)

    def find(self, name: str, alias: str = CHAMPION) -> StoredModel | None:
        """The version that carries the alias, None when there is none."""
        version = self._version_of(name, alias)
        return None if version is None else self.load(name, version)

    def champion(self, name: str) -> StoredModel:
        """The version that serves.

        Raises:
            RegistryError: none does yet.
        """
        stored = self.find(name, CHAMPION)
        if stored is None:
            raise RegistryError(
                f"there is no champion of the model {name}: none has beaten its baselines yet",
                where=f"model registry {self._where}",
                next_step=f"train it (`{_training(name)}`) and read its evaluation: are there too few rows to learn from?",
            )
        return stored

    def load(self, name: str, version: int) -> StoredModel:
        """One version, rebuilt from its skops file.

        Raises:
            RegistryError: the file is gone, or holds a type that is not trusted.
        """
        import skops.io
        from mlflow.exceptions import MlflowException

        where = f"model {name} version {version} in {self._where}"
        try:
            source = self._client.get_model_version_download_uri(name, str(version))
            with tempfile.TemporaryDirectory() as folder:
                file = _download(f"{source}/{MODEL_FILE}", Path(folder))
                if untrusted := _untrusted_types(file):
                    raise RegistryError(
                        f"the model file holds types that are not trusted: {', '.join(untrusted)}",
                        where=where,
                        next_step="find out who wrote it; train again to replace it",
                    )
                return StoredModel(name, version, skops.io.load(file, trusted=list(TRUSTED_TYPES)))
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"the model file cannot be read: {error}",
                where=where,
                next_step=f"train again: `{_training(name)}`",
            ) from None

    # --- MLflow's ways ------------------------------------------------------------------------------------------------

    def _connect(self, tracking_uri: str) -> "MlflowClient":
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy import create_engine
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        try:
            if not self._is_server and not tracking_uri.startswith("sqlite:"):
                # MLflow itself tries a database that does not answer ten times, for 100 seconds.
                create_engine(tracking_uri).connect().close()
            client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
            client.search_registered_models(max_results=1)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise RegistryError(
                f"the model registry cannot be opened: {str(error).splitlines()[0].replace(tracking_uri, self._where)}",
                where=self._where,
                next_step="start it, or correct MLFLOW_TRACKING_URI; unset, it is a file below HEADGATE_HOME",
            ) from None
        return client

    def _create_experiment(self, name: str) -> str:
        location = None if self._is_server else (self._artifact_folder / name).absolute().as_uri()
        return str(self._client.create_experiment(name, artifact_location=location))

    def _ensure_registered(self, name: str) -> None:
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)

    def _version_of(self, name: str, alias: str) -> int | None:
        found = self._client.search_registered_models(f"name = '{name}'")
        aliases: dict[str, Any] = dict(found[0].aliases) if found else {}
        return int(aliases[alias]) if alias in aliases else None


def open_registry(team: str) -> ModelRegistry:
    """A team's registry: `MLFLOW_TRACKING_URI`, else a SQLite file of its own in the state folder."""
    folder = read_settings().state_folder / "mlflow" / team
    folder.mkdir(parents=True, exist_ok=True)
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    return ModelRegistry(tracking_uri, folder / "artifacts")


def _training(name: str) -> str:
    return f"headgate build --team {name.partition('.')[0]}"


def _download(uri: str, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=uri, dst_path=str(folder)))


def _untrusted_types(file: Path) -> list[str]:
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(file=file)) - set(TRUSTED_TYPES))


def _without_credentials(uri: str) -> str:
    parts = urlsplit(uri)
    return uri if "@" not in parts.netloc else uri.replace(parts.netloc, "…@" + parts.netloc.rsplit("@", 1)[1])
