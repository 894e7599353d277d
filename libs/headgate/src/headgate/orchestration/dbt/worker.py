"""dbt, in a process of its own: `python -m headgate.orchestration.dbt.worker`, its job as a line of JSON on standard input.

A job is `{"commands": [[...], ...], "manifest": path or null, "events": file descriptor}`; the commands run one after the other.
A given manifest saves parsing the project again. What happens to nodes goes to the descriptor, one JSON object a line; what
people read goes to standard output. When standard input ends, whoever started this is gone, and so is this.
Nothing here imports Dagster or Headgate: their start-up is the caller's, and is paid once.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

_FAILED = {"fail", "warn"}
_QUERIES = {"model", "snapshot"}
_BUILT = {*_QUERIES, "seed"}
_WITHOUT_ROWS = {"view", "external"}


def main() -> int:
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    with os.fdopen(job["events"], "w", encoding="utf-8", buffering=1) as events:
        manifest = _read_manifest(Path(job["manifest"])) if job["manifest"] else None
        runner = dbtRunner(manifest=manifest, callbacks=[_reporter(events, manifest)])
        results = []
        for command in job["commands"]:
            result = runner.invoke(command)
            problem = str(result.exception) if result.exception is not None else None
            _write(events, {"kind": "end", "success": result.success, "problem": problem})
            results.append(result.success)
    return 0 if all(results) else 1


def _end_with_caller() -> None:
    sys.stdin.read()
    os._exit(143)


def _read_manifest(path: Path) -> Manifest:
    manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    return manifest


def _reporter(events: TextIO, manifest: Manifest | None) -> Any:
    def report(event: Any) -> None:
        name = event.info.name
        if name == "NodeFinished":
            _write(events, _finished(event.data, manifest))
        elif name in ("MainEncounteredError", "CannotGenerateDocs"):
            _write(events, {"kind": "problem", "message": event.info.msg})

    return report


def _finished(data: Any, manifest: Manifest | None) -> dict[str, Any]:
    result, unique_id = data.run_result, data.node_info.unique_id
    found = {
        "kind": "node",
        "unique_id": unique_id,
        "status": str(result.status),
        "message": result.message,
        "failures": result.num_failures,
        "seconds": result.execution_time,
    }
    kind, status = data.node_info.resource_type, str(result.status)
    if manifest is not None and (status in _FAILED if kind == "test" else kind in _QUERIES):
        found["sql"] = getattr(manifest.nodes.get(unique_id), "compiled_code", None)
    if manifest is not None and kind in _BUILT and status == "success":
        found |= _look_at(manifest.nodes[unique_id])
    return found


def _look_at(node: Any) -> dict[str, Any]:
    """What became of a model in the lake: the types of its columns, and its rows where they are stored.

    Asked here, where the catalog has to be read again after every model anyway; for another session it is one more time.
    """
    if node.config.materialized == "ephemeral" or not node.relation_name:
        return {}
    handle: Any = DuckDBConnectionManager.env().handle()  # type: ignore[no-untyped-call]
    try:
        cursor = handle.cursor()
        described = cursor.execute(f"describe {node.relation_name}").fetchall()
        found: dict[str, Any] = {"columns": {name: kind for name, kind, *_ in described}}
        if node.config.materialized not in _WITHOUT_ROWS:
            found["rows"] = cursor.execute(f"select count(*) from {node.relation_name}").fetchone()[0]
        return found
    finally:
        handle.close()


def _write(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event, default=str) + "\n")


if __name__ == "__main__":
    sys.exit(main())
