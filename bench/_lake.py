"""A lake for benchmarks: an embedded server and an empty folder, shared with the processes that are measured."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headgate.environment import read_settings
from headgate.lake.session import LakeSession
from headgate.testing import make_catalog, run_server


@contextmanager
def bench_lake(team: str = "analytics") -> Iterator[None]:
    """Starts the lake and puts its settings into this process's environment, which measured processes inherit."""
    with ExitStack() as stack:
        catalog = make_catalog(stack.enter_context(run_server()), [team])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        os.environ |= catalog.environment(team, folder)
        yield


def open_session(team: str = "analytics") -> LakeSession:
    return LakeSession(read_settings(), team)
