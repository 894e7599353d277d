"""What was delivered: the folder or bucket of drops, and the markers in it. What a marker lists is the day; nothing else is.

What belongs here: paths, markers, bytes. What does not: whether a delivery may be loaded (`verify`), what is in its files
(`read`).
"""

import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headgate import read_secret
from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from pyarrow import fs

DROPS_URL = "DROPS_URL"
AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")
"""What reads a bucket, where its URL does not say it."""
PAGE = "docs/consumption-datamart.md"
MARKER = "_SUCCESS"
INVOICES, TELEMETRY_X, TELEMETRY_Y, MASTER_DATA = "invoices", "telemetry_x", "telemetry_y", "master_data"

_DAY_FOLDER = re.compile(r"(?P<source>[a-z_]+)/(?P<day>\d{4}/\d{2}/\d{2})/_SUCCESS")
_LARGEST_MARKER = 1 << 20
_CHUNK = 1 << 20
_AT_ONCE = 16
"""Markers that are read at a time: a bucket answers each after some milliseconds, whatever its size."""


class DropsError(HeadgateError):
    """The drops cannot be read at all: no place was given, or there is nothing like it."""


class Rejected(Exception):
    """A delivery that is set aside: its neighbours are loaded, and the day keeps the delivery it had.

    Args:
        reason: what is wrong with it.
        file: which of its files, below the drops' root.
        next_step: what somebody can do.
    """

    def __init__(self, reason: str, *, file: str, next_step: str) -> None:
        self.reason, self.file, self.next_step = reason, file, next_step
        super().__init__(f"{file}: {reason}")


class ListedFile(BaseModel):
    """A file as the marker lists it."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str


class _Marker(BaseModel):
    model_config = ConfigDict(strict=True)

    source: str
    day: str
    delivery: int = Field(ge=1, le=999_999)
    files: list[ListedFile] = Field(min_length=1)


@dataclass(frozen=True)
class Delivery:
    """What the marker of a source and day says now.

    Args:
        number: 1, and one more each time the day was delivered again; 0 where the marker cannot be read.
        fingerprint: of the marker's bytes: another delivery has another one.
        writing: of its bytes and of when it was written: the same words written once more are another one.
        files: what it lists.
        problem: why the marker itself is no good.
    """

    source: str
    day: date
    number: int
    fingerprint: int
    writing: int = 0
    files: tuple[ListedFile, ...] = ()
    problem: str = ""

    @property
    def folder(self) -> str:
        return f"{self.source}/{self.day:%Y/%m/%d}"

    @property
    def name(self) -> str:
        return f"{self.source}/{self.day}/{self.number}"

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def _no_place(reason: str, next_step: str = "") -> DropsError:
    return DropsError(
        f"the file drops cannot be read: {reason}",
        where=f"the folder or URL in {DROPS_URL}",
        next_step=next_step or f"name an existing folder or s3://bucket/folder in {DROPS_URL}, as {PAGE} says",
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Say which variables to look at when the place refuses. Its own words may hold the URL, and a password with it."""
    try:
        yield
    except (ValueError, OSError) as error:
        if refusal := re.search(r"AWS Error ([A-Z_]+)", str(error)):
            raise _no_place(f"the bucket answers {refusal[1]}", f"check {', '.join(AWS)} ({PAGE})") from None
        raise _no_place(type(error).__name__) from None


class Drops:
    """The files below a folder, or below a URL such as `s3://bucket/drops`."""

    def __init__(self, url: str) -> None:
        """Raises:
        DropsError: there is no such place.
        """
        from pyarrow import fs  # late: the code location loads without it

        with _explained():
            if "://" in url:
                self._files, self._root = fs.FileSystem.from_uri(url)
            else:
                self._files, self._root = fs.LocalFileSystem(), str(Path(url).absolute())
            is_there = self._files.get_file_info(self._root).type == fs.FileType.Directory
        if not is_there:
            raise _no_place("nothing is there" if self.is_local else "there is no such bucket, or nothing in it")

    @property
    def is_local(self) -> bool:
        return str(self._files.type_name) == "local"

    def path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def list_markers(self, sources: Iterable[str]) -> dict[tuple[str, date], int]:
        """When each marker was written, in milliseconds, by source and day; days without one were not delivered."""
        found = {}
        for source in sources:
            with _explained():
                infos = self._look_into_days(source) if self.is_local else self._list_all(source)
            for info in infos:
                match = _DAY_FOLDER.fullmatch(info.path.removeprefix(self._root).lstrip("/"))
                if match and info.is_file and (day := _as_day(match["day"])):
                    found[source, day] = written_ms(info)
        return found

    def _list_all(self, source: str) -> list["fs.FileInfo"]:
        from pyarrow import fs

        return list(self._files.get_file_info(fs.FileSelector(self.path(source), recursive=True, allow_not_found=True)))

    def _look_into_days(self, source: str) -> list["fs.FileInfo"]:
        """Year, month, day and no deeper: links that lead in circles have no end, and one folder that this user may not look into
        is no reason to see none."""
        from pyarrow import fs

        folders = [self.path(source)]
        for _ in range(3):
            selectors = [fs.FileSelector(folder, allow_not_found=True) for folder in folders]
            inside = [info for selector in selectors for info in self._files.get_file_info(selector)]
            folders = [info.path for info in inside if info.type == fs.FileType.Directory and info.base_name.isdigit()]
        infos = []
        for path in (f"{folder}/{MARKER}" for folder in folders):
            try:
                infos += self._files.get_file_info([path])
            except PermissionError:
                infos.append(fs.FileInfo(path, fs.FileType.File))
        return infos

    def read_deliveries(
        self, sources: Iterable[str], days: set[date] | None = None
    ) -> dict[tuple[str, date], Delivery]:
        """What the markers say, by source and day; of all days, or of some."""
        keys = sorted(key for key in self.list_markers(sources) if days is None or key[1] in days)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(keys, pool.map(lambda key: self.read_delivery(*key), keys), strict=True))

    @_explained()
    def read_delivery(self, source: str, day: date) -> Delivery:
        path = f"{source}/{day:%Y/%m/%d}/{MARKER}"
        try:
            # Asked before it is read: who writes it in between has it looked at once more, and not once too little.
            written = written_ms(self._files.get_file_info(self.path(path)))
            with self._files.open_input_stream(self.path(path)) as stream:
                data = bytes(stream.read(_LARGEST_MARKER))
        except PermissionError:
            return Delivery(source, day, 0, 0, problem="this user may not read the marker")
        fingerprint = zlib.crc32(data)
        writing = zlib.crc32(str(written).encode(), fingerprint)
        try:
            marker = _Marker.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the document"
            problem = f"the marker cannot be read: {place}: {first['msg']}"
            return Delivery(source, day, 0, fingerprint, writing, problem=problem)
        problem = ""
        if (marker.source, marker.day) != (source, day.isoformat()):
            problem = f"the marker is about {marker.source} of {marker.day}"
        return Delivery(source, day, marker.delivery, fingerprint, writing, tuple(marker.files), problem)

    @_explained()
    def measure(self, path: str) -> tuple[int, str]:
        """A file's size in bytes and its sha256, in lower-case hexadecimal."""
        digest, size = hashlib.sha256(), 0
        with self._files.open_input_stream(self.path(path)) as stream:
            while data := stream.read(_CHUNK):
                digest.update(data)
                size += len(data)
        return size, digest.hexdigest()

    @_explained()
    def find(self, path: str) -> Any:
        """What is known of a file: `size`, and a type that is `NotFound` where there is none."""
        return self._files.get_file_info(self.path(path))

    @contextmanager
    def fetch(self, path: str) -> Iterator[Path]:
        """The file on this machine: where it is, or copied from the bucket for as long as it is looked at."""
        if self.is_local:
            yield Path(self.path(path))
            return
        with tempfile.TemporaryDirectory(prefix="drops-") as folder:
            target = Path(folder, path.replace("/", "-"))
            with _explained(), self._files.open_input_stream(self.path(path)) as stream, target.open("wb") as file:
                while data := stream.read(_CHUNK):
                    file.write(data)
            yield target


def written_ms(info: "fs.FileInfo") -> int:
    """When a file was written, in milliseconds; 0 where its store does not say."""
    return int(info.mtime_ns or 0) // 1_000_000


def open_drops() -> Drops:
    """The drops that this installation was told of.

    Raises:
        SettingsError: nobody said where they are.
        DropsError: they are not there.
    """
    return Drops(read_secret(DROPS_URL, purpose=f"reading the file drops ({PAGE})").get_secret_value())


def _as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
