"""Running Sling: one query of the source, read into an Arrow file in a folder that lives as long as the pull.

Sling's own loading is not used: see decision 43. Nothing of the query's login gets into arguments, files or messages.
"""

import json
import os
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from headgate.sources.addresses import place_of, redact
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.sling.postgres import explain_connection
from headgate.sources.sling.replication import Stream

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOST = ("connection refused", "unexpected EOF", "bad connection", "terminating connection", "connection reset")


def extract(url: SecretStr, stream: Stream, query: str, folder: Path) -> "Dataset | None":
    """Reads a query to its end; None when it has no rows.

    Args:
        url: the source's, with its login.
        stream: for the messages.
        query: PostgreSQL's SQL.
        folder: empty, and this process's alone.

    Raises:
        SourceError: Sling is not installed, or could not read the query. Nothing was landed.
    """
    file = folder / "rows.arrow"
    options = {"format": "arrow", "column_casing": "source"}
    stream_settings = {"sql": query, "mode": "full-refresh", "object": f"file://{file}", "target_options": options}
    replication = {"source": "SOURCE", "target": "LOCAL", "streams": {stream.source_table: stream_settings}}
    path = folder / "replication.json"
    path.write_text(json.dumps(replication), encoding="utf-8")
    result = subprocess.run(
        [_program(stream), "run", "--replication", str(path)],
        cwd=folder,
        env=_environment(url, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        raise _explain(result.stdout, url, stream)
    if not file.exists():
        return None
    from pyarrow.dataset import dataset
    from pyarrow.fs import LocalFileSystem

    # Mapped, its pages are the system's to drop; read, they stay in Arrow's pool, and memory grows with the file.
    return dataset(str(file), format="ipc", filesystem=LocalFileSystem(use_mmap=True))


def _program(stream: Stream) -> str:
    try:
        return str(import_module("sling.bin").SLING_BIN)
    except ImportError:
        raise SourceError(
            "Sling is not installed in this environment",
            where=stream.place(),
            next_step='put "headgate[sling]" into the team\'s dependencies, then `headgate lock`',
        ) from None


def _environment(url: SecretStr, folder: Path) -> dict[str, str]:
    """What Sling is given: the URL, PostgreSQL's own settings, and a home that goes away with the pull."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    return {
        **settings,
        "HOME": str(folder),
        "PATH": os.defpath,
        "TMPDIR": str(folder),
        "SLING_HOME_DIR": str(folder / "sling"),
        "SLING_DISABLE_TELEMETRY": "true",
        "SOURCE": url.get_secret_value(),
    }


def _explain(output: str, url: SecretStr, stream: Stream) -> SourceError:
    lines = [line.strip() for line in _COLOUR.sub("", output).splitlines()]
    reasons = [line for line in lines if line and not line.startswith(("---", "~", "For query", "select "))]
    reason = next((line for line in reversed(reasons) if line.startswith("pq: ")), reasons[-1] if reasons else "")
    if any(sign in output for sign in _LOST):
        return explain_connection(reason, url, stream)
    return SourceError(
        f"Sling could not read the stream: {redact(reason, url)[:300] or 'it gives no reason'}",
        where=f"{stream.place()}, {place_of(url)}",
        next_step=f"mend what it says, then run again; {UNCHANGED}",
    )
