"""How dbt reaches the lake: a profile that attaches the team's zones, without a secret in it.

The password comes to dbt in an environment variable, of a name that dbt keeps out of its logs.
"""

from collections.abc import Collection
from pathlib import Path

import duckdb
import yaml

from headgate.environment import Settings
from headgate.lake.session import EXTENSIONS, catalog_conninfo, extension_file, make_zone_path, private_zone

PROFILE = "headgate"
_CONNINFO = "DBT_ENV_SECRET_LAKE"
_THREADS = 1
"""Threads share one engine, in which DuckLake of DuckDB 1.5.3 to 1.5.5 reads freed memory when one commits while another does
(its issue 1248): with 4 threads 3 of 10 builds failed by a schema of a senseless number. See decision 41."""


def write_parsing_profile(folder: Path, team: str, *, target: str) -> None:
    """Writes `folder/profiles.yml` for reading a project. Names alone matter: nothing is connected to."""
    _write(folder, team, target, [{"path": "ducklake:", "alias": private_zone(team)}], {})


def write_profile(folder: Path, team: str, *, settings: Settings, reads: Collection[str]) -> dict[str, str]:
    """Writes `folder/profiles.yml` for building, with the engine's extensions beside it: dbt downloads none.

    Args:
        folder: where; private to this run.
        team: whose private zone the models go to.
        settings: which lake.
        reads: published zones that the models read.

    Returns:
        Environment variables that dbt needs with it.
    """
    path = f"ducklake:postgres:{{{{ env_var('{_CONNINFO}') }}}}"
    own = private_zone(team)
    options = {"metadata_schema": own, "data_path": make_zone_path(settings, own)}
    attach: list[dict[str, object]] = [{"path": path, "alias": own, "options": options}]
    for zone in sorted(reads):
        # A zone that holds nothing yet is not created by its reader, who may not.
        options = {"metadata_schema": zone, "create_if_not_exists": "false"}
        attach.append({"path": path, "alias": zone, "read_only": True, "options": options})
    extensions = _link_extensions(folder / "extensions")
    spill = settings.state_folder / "run" / "spill"
    _write(
        folder,
        team,
        settings.environment.value,
        attach,
        {
            # As in `LakeSession`: what attaching loads is vouched for by the lock, what is loaded later must be signed.
            "config_options": {
                "extension_directory": str(extensions),
                "temp_directory": str(spill),
                "allow_unsigned_extensions": "true",
            },
            "settings": {
                "allow_unsigned_extensions": "false",
                "ducklake_max_retry_count": 100,
                "TimeZone": "UTC",
                "preserve_insertion_order": "false",
            },
        },
    )
    return {_CONNINFO: catalog_conninfo(settings, team)}


def _write(
    folder: Path, team: str, target: str, attach: list[dict[str, object]], options: dict[str, dict[str, object]]
) -> None:
    output = {
        "type": "duckdb",
        "path": ":memory:",
        "database": private_zone(team),
        "schema": "main",
        "threads": _THREADS,
        "attach": attach,
        **options,
    }
    profile = {PROFILE: {"target": target, "outputs": {target: output}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")


def _link_extensions(folder: Path) -> Path:
    row = duckdb.connect().execute("pragma platform").fetchone()
    assert row is not None
    place = folder / f"v{duckdb.__version__}" / str(row[0])
    place.mkdir(parents=True)
    for name in EXTENSIONS:
        (place / f"{name}.duckdb_extension").symlink_to(extension_file(name))
    return folder
