"""Nothing is pickled: loading a pickle runs whatever code its writer chose."""

import re
from pathlib import Path

from repository import SOURCES

BANNED = re.compile(r"\b(import|from)\s+(pickle|cloudpickle|joblib|dill)\b|mlflow\.sklearn|allow_pickle=True")


def test_no_package_pickles() -> None:
    files = [file for folder in SOURCES for file in Path(folder).rglob("*.py")]
    assert len(files) > 100
    assert [str(file) for file in files if BANNED.search(file.read_text(encoding="utf-8"))] == []
