"""Importing less in processes that stay and mostly wait: code servers, web server, daemon.

What belongs here: two ways to keep what nobody uses out of memory. What does not: which modules those are (`code_server` here,
`launch` of the control plane).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any


class LateModule(ModuleType):
    """Stands in for a module of functions that others take from it when they are imported: it is imported when the first of them
    is called.

    Register it as `sys.modules[name]`, before somebody imports the module.
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return partial(self._call, name)

    def _call(self, function: str, *arguments: Any, **options: Any) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), function)(*arguments, **options)


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Import something as if packages that it can do without were not installed.

    Those that are imported already stay; afterwards they can be imported by whoever wants them.
    """
    left_out = [name for name in packages if name not in sys.modules]
    for name in left_out:
        sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        for name in left_out:
            sys.modules.pop(name, None)
