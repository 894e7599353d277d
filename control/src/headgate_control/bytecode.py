"""Compiled modules of environments: each file is compiled once, however many environments have it.

What belongs here: compiling an environment's packages, and linking what was compiled for another one. What does not:
installing them (`environments`).

uv links the files of a package from its cache. What two environments have in common are the same files, and what was
compiled from one of them holds for both: three modules in four of a platform's environments are in another one too.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def compile_modules(environment: Path, others: Iterable[Path]) -> None:
    """Compile what none of the other environments has compiled already. A module that cannot be is left as it is."""
    packages = _packages(environment)
    link_compiled(packages, [_packages(other) for other in others])
    # Isolated: PYTHONPYCACHEPREFIX and the like are this process's affair.
    command = [str(environment / "bin" / "python"), "-I", "-m", "compileall", "-qq", "-j", "0", str(packages)]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def link_compiled(packages: Path, others: Iterable[Path]) -> int:
    """Link what was compiled in other folders of packages for the very files that this one has too.

    Returns:
        How many modules need not be compiled. None where uv copies instead of linking.
    """
    suffix = f".{sys.implementation.cache_tag}.pyc"
    places = [other for other in others if other.is_dir()]
    linked = 0
    for folder in map(Path, _folders(packages)):
        own = _modules(folder)
        for place in places if own else ():
            other = place / folder.relative_to(packages)
            if not (other / "__pycache__").is_dir():
                continue
            (folder / "__pycache__").mkdir(exist_ok=True)
            for name, inode in _modules(other).items():
                if own.get(name) == inode:
                    with contextlib.suppress(OSError):  # it is not compiled there
                        compiled = Path("__pycache__", f"{name}{suffix}")
                        os.link(other / compiled, folder / compiled)
                        linked += 1
                        del own[name]
    return linked


def _packages(environment: Path) -> Path:
    return environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _folders(packages: Path) -> list[str]:
    return [folder for folder, _, _ in os.walk(packages) if os.path.basename(folder) != "__pycache__"]


def _modules(folder: Path) -> dict[str, int]:
    """The names of a folder's modules, and which files they are."""
    with os.scandir(folder) as entries:
        return {entry.name[:-3]: entry.inode() for entry in entries if entry.name.endswith(".py")}
