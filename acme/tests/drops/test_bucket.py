"""A bucket holds what a folder holds; one that refuses says which variables to look at. Over a real server of the protocol."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyarrow import fs

from acme.drops.faults import clear, inject
from acme.drops.growth import advance, seed
from acme.drops.lake import Lake
from acme.errors import AcmeError
from tests.drops.conftest import SIZE, TODAY

SERVER = Path(__file__).parents[1] / "bucket.py"
SMALL = SIZE | {"customers": 8, "days": 4, "dense_days": 1, "dense_minutes": 240, "origin": TODAY.isoformat()}


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    command = [sys.executable, str(SERVER), "shop"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield json.loads(server.stdout.readline())
        server.communicate()


@pytest.fixture
def bucket(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return "s3://shop/drops"


def files(files: fs.FileSystem, root: str) -> dict[str, bytes]:
    infos = [one for one in files.get_file_info(fs.FileSelector(root, recursive=True)) if one.is_file]
    return {one.path.removeprefix(root): files.open_input_stream(one.path).read() for one in infos}


def test_a_bucket_holds_what_a_folder_holds(bucket: str, tmp_path: Path) -> None:
    held = []
    for name, url in (("near", str(tmp_path / "lake")), ("far", bucket)):
        world, lake = tmp_path / name, Lake(url)
        assert seed(world, lake, given=SMALL)["is_new"]
        advance(world, lake, days=2)
        inject(world, lake, "half_written", source="telemetry_x", day=date(2026, 11, 1))
        inject(world, lake, "misnamed", source="invoices", day=date(2026, 11, 2))
        broken = files(*fs.FileSystem.from_uri(url if "://" in url else Path(url).as_uri()))
        assert [path for path in broken if path.endswith(".part")] and [p for p in broken if p.endswith(".bak")]
        clear(world, lake)
        held.append(files(*fs.FileSystem.from_uri(url if "://" in url else Path(url).as_uri())))
    near, far = held
    assert near == far and len([path for path in near if path.endswith("_SUCCESS")]) > 15
    # Made anew, nothing of before is left.
    seed(tmp_path / "far", Lake(bucket), given=SMALL, force=True)
    seed(tmp_path / "near", Lake(str(tmp_path / "lake")), given=SMALL, force=True)
    assert files(*fs.FileSystem.from_uri(bucket)) == files(fs.LocalFileSystem(), str(tmp_path / "lake"))


def test_a_bucket_that_refuses_says_which_variables(bucket: str, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(AcmeError, match="NO_SUCH_BUCKET") as caught:
        seed(tmp_path / "world", Lake("s3://nowhere/drops"), given=SMALL)
    assert "ACME_DROPS" in caught.value.where and "make the bucket" in caught.value.next_step
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of somebody else")
    with pytest.raises(AcmeError, match="ACCESS_DENIED") as caught:
        seed(tmp_path / "world", Lake(bucket), given=SMALL)
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.next_step
    assert len(str(caught.value).splitlines()) == 3 and not (tmp_path / "world" / "world.json").exists()


def test_a_world_whose_files_are_elsewhere_says_where(tmp_path: Path) -> None:
    here, there = Lake(str(tmp_path / "here")), Lake(str(tmp_path / "there"))
    seed(tmp_path / "world", here, given=SMALL)
    with pytest.raises(AcmeError, match=f"dropped its files in {here.name}"):
        seed(tmp_path / "world", there)
    assert not seed(tmp_path / "world", here)["is_new"]
