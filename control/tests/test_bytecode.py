"""What was compiled for one environment is taken for the others, where it is of the very same file."""

import os
import py_compile
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from headgate_control.bytecode import link_compiled

GRAPE = "def crush():\n    return 'must'\n"


def compiled(packages: Path, module: str) -> Path:
    """Where Python looks for a module's compiled form."""
    return Path(cache_from_source(packages / module))


@pytest.fixture
def cellars(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of packages. They share `wine/grape.py` and `wine/yeast.py`; `wine/label.py` is each one's own."""
    first, second = tmp_path / "first", tmp_path / "second"
    for packages, label in ((first, "first"), (second, "other")):
        (packages / "wine").mkdir(parents=True)
        (packages / "wine" / "label.py").write_text(f"NAME = '{label}'\n")
        os.utime(packages / "wine" / "label.py", (1_700_000_000, 1_700_000_000))
    for name, text in (("grape.py", GRAPE), ("yeast.py", "")):
        (first / "wine" / name).write_text(text)
        os.link(first / "wine" / name, second / "wine" / name)
    return first, second


def test_the_very_same_files_are_not_compiled_again(cellars: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = cellars
    for module in ("wine/grape.py", "wine/label.py"):
        py_compile.compile(str(first / module))
    assert link_compiled(second, [tmp_path / "nobody", first]) == 1
    assert compiled(second, "wine/grape.py").samefile(compiled(first, "wine/grape.py"))
    # As old and as long as the other's, and yet another file; and one that nobody has compiled.
    assert not compiled(second, "wine/label.py").exists()
    assert not compiled(second, "wine/yeast.py").exists()


def test_what_is_compiled_already_stays(cellars: tuple[Path, Path]) -> None:
    first, second = cellars
    for packages in cellars:
        py_compile.compile(str(packages / "wine" / "grape.py"))
    before = compiled(second, "wine/grape.py").stat().st_ino
    assert link_compiled(second, [first]) == 0
    assert compiled(second, "wine/grape.py").stat().st_ino == before
