"""What goes wrong with files on their way: each kind takes a good delivery and returns a broken one."""

import io
import os
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from acme.drops.content import File
from acme.drops.delivery import Parcel, describe

Break = Callable[[Parcel], Parcel]


def _with_data(parcel: Parcel, change: Callable[[str, bytes], bytes]) -> Parcel:
    return replace(parcel, files={name: change(name, data) for name, data in parcel.files.items()})


def _with_true_marker(parcel: Parcel, change: Callable[[str, bytes], bytes]) -> Parcel:
    """As if the source had written the broken bytes itself: size and checksum are theirs."""
    broken = _with_data(parcel, change)
    assert parcel.marker is not None
    rows = {file["name"]: file["rows"] for file in parcel.marker["files"]}
    described = [describe(File(name, "", data, rows[name]), 0) | {"name": name} for name, data in broken.files.items()]
    return replace(broken, marker=parcel.marker | {"files": described})


def _half_written(parcel: Parcel) -> Parcel:
    return replace(
        parcel, files={f".{name}.part": data[: len(data) // 2] for name, data in parcel.files.items()}, marker=None
    )


def _corrupt(name: str, data: bytes) -> bytes:
    """The last third is noise, so a Parquet file has lost its footer and text is no text any more."""
    lost = max(len(data) // 3, 1)
    return data[: len(data) - lost] + b"\xff\xfe\x00\xc1" * (lost // 4) + b"\xff" * (lost % 4)


def _tenfold(name: str, data: bytes) -> bytes:
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(data))
        file = pa.BufferOutputStream()
        pq.write_table(pa.concat_tables([table] * 10), file)
        return bytes(file.getvalue().to_pybytes())
    header, end, body = data.partition(b"\n") if name.endswith(".csv") else (b"", b"", data)
    return header + end + body * 10


def _wrong_checksum(parcel: Parcel) -> Parcel:
    assert parcel.marker is not None
    files = [file | {"sha256": "0" * 64} for file in parcel.marker["files"]]
    return replace(parcel, marker=parcel.marker | {"files": files})


def _copied(parcel: Parcel) -> Parcel:
    return replace(parcel, files=parcel.files | {f"copy-of-{name}": data for name, data in parcel.files.items()})


FILES: dict[str, Break] = {
    "missing": lambda parcel: replace(parcel, files={}, marker=None),
    "half_written": _half_written,
    "truncated": lambda parcel: _with_data(parcel, lambda name, data: data[: len(data) * 2 // 3]),
    "zero_byte": lambda parcel: _with_data(parcel, lambda name, data: b""),
    "corrupt": lambda parcel: _with_true_marker(parcel, _corrupt),
    "wrong_encoding": lambda parcel: _with_true_marker(parcel, lambda name, data: data.decode().encode("utf-16")),
    "wrong_checksum": _wrong_checksum,
    "misnamed": lambda parcel: replace(parcel, files={f"{name}.bak": data for name, data in parcel.files.items()}),
    "symbolic_link": lambda parcel: parcel,
    "oversized": lambda parcel: _with_data(parcel, _tenfold),
    "duplicate_file": _copied,
    "empty": lambda parcel: parcel,
    "redelivered": lambda parcel: parcel,
}
"""`empty` differs in its content, `symbolic_link` in what is done after writing (`link_elsewhere`)."""

LOADABLE = ("duplicate_file", "empty", "redelivered")
"""After these, the marker still lists files that are what it says."""


def link_elsewhere(folder: str, name: str) -> None:
    """Replace a file by a symbolic link to where it was moved: beside its folder."""
    elsewhere = f"{folder}/../moved-{name}"
    os.replace(f"{folder}/{name}", elsewhere)
    os.symlink(os.path.relpath(elsewhere, folder), f"{folder}/{name}")
