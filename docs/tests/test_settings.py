"""Every setting is documented, and every documented one exists."""

import re

from headgate.environment import Settings
from headgate_docs.pages import ROOT

_VARIABLE = re.compile(r"HEADGATE_[A-Z_]+[A-Z]")
_SOURCES = (ROOT / "libs" / "headgate" / "src", ROOT / "control" / "src", ROOT / "teams")


def _documented(pages: dict[str, str]) -> set[str]:
    return set(_VARIABLE.findall(pages["docs/running.md"]))


def _used() -> set[str]:
    files = [path for folder in _SOURCES for path in folder.rglob("*.py")] + [ROOT / "headgate"]
    return {name for path in files if path.is_file() for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))}


def test_every_field_of_the_settings_is_documented(pages: dict[str, str]) -> None:
    fields = {f"HEADGATE_{name.upper()}" for name in Settings.model_fields}
    assert "HEADGATE_CATALOG_URL" in fields
    assert fields - _documented(pages) == set()


def test_every_variable_in_the_code_is_documented(pages: dict[str, str]) -> None:
    assert _used() - _documented(pages) == set()


def test_every_documented_variable_exists(pages: dict[str, str]) -> None:
    fields = {f"HEADGATE_{name.upper()}" for name in Settings.model_fields}
    named = {name for text in pages.values() for name in _VARIABLE.findall(text)}
    made_up = {"HEADGATE_PASSWORD", "HEADGATE_PASSWORD_ANALYTICS"}  # a role's name follows the prefix
    assert named - fields - _used() - made_up == set()
