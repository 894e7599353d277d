"""Dropping files by hand, as a source does: the files, then the marker that lists them."""

import hashlib
import json
from datetime import date
from pathlib import Path


def drop(root: Path, source: str, day: date, files: dict[str, tuple[bytes, int]]) -> None:
    """The first delivery of a source's day: name → what is in the file, and how many rows the marker promises."""
    folder = root / source / f"{day:%Y/%m/%d}"
    folder.mkdir(parents=True)
    listed = []
    for name, (data, rows) in files.items():
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        listed.append({"name": name, "rows": rows, "bytes": len(data), "sha256": digest})
    marker = {"source": source, "day": day.isoformat(), "delivery": 1, "files": listed}
    (folder / "_SUCCESS").write_text(json.dumps(marker), encoding="utf-8")
