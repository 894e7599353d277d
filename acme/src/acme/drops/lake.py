"""The data lake's folder, or bucket, and how a file gets into it: whole, or not at all under its name.

A day of a source is a folder `<source>/<yyyy>/<mm>/<dd>/` with the data files and, written last, the marker `_SUCCESS`.
What belongs here: paths and bytes. What does not: what is in the files (`content`).
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pyarrow import fs

from acme.errors import AcmeError

MARKER = "_SUCCESS"
AWS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL"
"""What reads and writes a bucket, where its URL does not say it."""


class Lake:
    """Files below a folder, or below a URL such as `s3://bucket/drops`.

    Raises:
        AcmeError: nothing can be made of the URL, or the bucket refuses; from any method.
    """

    def __init__(self, url: str) -> None:
        self.name = url.split("?")[0].split("@")[-1] if "://" in url else url
        """The URL without credentials and options."""
        if "://" not in url:
            self._files, self._root = fs.LocalFileSystem(), str(Path(url).absolute())
            return
        try:
            with self._explained():
                self._files, self._root = fs.FileSystem.from_uri(url)
        except (ValueError, OSError) as error:
            raise AcmeError(
                f"There is no data lake at {self.name!r}: {type(error).__name__}",
                where="--drops, or ACME_DROPS",
                next_step="give a folder, or a URL as s3://bucket/folder",
            ) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say which variables to look at when a bucket refuses."""
        try:
            yield
        except OSError as error:
            if not (refusal := re.search(r"AWS Error ([A-Z_]+)", str(error))):
                raise
            is_absent = refusal[1] == "NO_SUCH_BUCKET"
            raise AcmeError(
                f"The bucket of {self.name} answers {refusal[1]}",
                where="--drops, or ACME_DROPS",
                next_step="make the bucket, or name another one" if is_absent else f"check {AWS}",
            ) from error

    @property
    def is_local(self) -> bool:
        return isinstance(self._files, fs.LocalFileSystem)

    def path(self, path: str) -> str:
        """Where a file is, for a person or `open`."""
        return f"{self._root}/{path}"

    def write(self, path: str, data: bytes) -> None:
        """Replace a file in one step. Objects in a bucket appear whole anyway."""
        full = self.path(path)
        folder, _, name = full.rpartition("/")
        draft = f"{folder}/.{name}.part" if self.is_local else full
        if self.is_local:
            self._files.create_dir(folder, recursive=True)
        with self._explained(), self._files.open_output_stream(draft) as file:
            file.write(data)
        if draft != full:
            self._files.move(draft, full)

    def read(self, path: str) -> bytes:
        with self._explained(), self._files.open_input_stream(self.path(path)) as file:
            return bytes(file.read())

    def delete(self, path: str) -> None:
        """Remove a file; one that is not there is fine."""
        with self._explained():
            if self._files.get_file_info(self.path(path)).type != fs.FileType.NotFound:
                self._files.delete_file(self.path(path))

    def names(self, folder: str) -> list[str]:
        """The files in a folder, in order."""
        with self._explained():
            found = self._files.get_file_info(fs.FileSelector(self.path(folder), allow_not_found=True))
        return sorted(one.base_name for one in found if one.type == fs.FileType.File)

    def holds(self, sources: tuple[str, ...]) -> bool:
        """Whether anything of these sources is there."""
        with self._explained():
            return any(
                one.type != fs.FileType.NotFound for one in self._files.get_file_info([*map(self.path, sources)])
            )

    def clear(self, sources: tuple[str, ...]) -> None:
        """Remove everything of these sources, and nothing else."""
        for source in sources:
            with self._explained():
                if self._files.get_file_info(self.path(source)).type == fs.FileType.Directory:
                    self._files.delete_dir(self.path(source))

    def marker(self, source: str, day: date) -> dict[str, Any] | None:
        """What `_SUCCESS` of a day says; None when there is none."""
        folder = day_folder(source, day)
        if MARKER not in self.names(folder):
            return None
        document: dict[str, Any] = json.loads(self.read(f"{folder}/{MARKER}"))
        return document


def day_folder(source: str, day: date) -> str:
    return f"{source}/{day:%Y/%m/%d}"
