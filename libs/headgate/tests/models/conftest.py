"""A registry of each test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.models.registry import ModelRegistry


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow store without models: making one takes two seconds, copying it none."""
    folder = tmp_path_factory.mktemp("store")
    ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder / "mlflow.db"


@pytest.fixture
def registry(empty_store: Path, tmp_path: Path) -> Iterator[ModelRegistry]:
    folder = tmp_path / "a store"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    yield ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
