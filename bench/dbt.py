"""A dbt project through Dagster: CPU of Headgate's bridge, beside dbt alone and dagster-dbt's plain way.

All three build and test the same generated project on the same lake, from a parsed project, each in processes of its own;
the CPU is that of these processes and what they start. The two that go through Dagster record every event in one instance,
which is the platform's: PostgreSQL with kept connections. dagster-dbt also has its project parsed beforehand.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from _lake import write_instance
from _measure import print_machine

from headgate.environment import read_settings
from headgate.orchestration.dbt.profile import PROFILE, write_profile
from headgate.testing import make_catalog, run_server

# This file is named like the package that it measures, and Python looks in its folder first.
sys.path.remove(str(Path(__file__).parent))

TEAM = "shop"
PROJECT = "name: bench\nversion: 1.0.0\nprofile: headgate\nmodels: {bench: {+materialized: table}}\n"
MANIFEST = '[project]\nname = "shop"\nversion = "1"\n[tool.headgate]\nowner = "team:shop"\n'
DEFINITIONS = (
    "from headgate import dbt_assets, team_definitions\n\ndefs = team_definitions(modules=[], dbt=dbt_assets())\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=20, help="models, each with two tests")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each model")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", choices=[*WAYS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        WAYS[options.way]()
        return
    print_machine("dbt-core", "dbt-duckdb", "dagster", "dagster-dbt", "duckdb")
    with ExitStack() as stack:
        catalog = make_catalog(stack.enter_context(run_server()), [TEAM])
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-dbt-")))
        os.environ |= catalog.environment(TEAM, home)
        os.environ |= write_instance(home / "dagster", catalog.admin_url)
        write_team(home / "teams" / TEAM, options.models, options.rows)
        profiles = home / "profiles"
        profiles.mkdir()
        variables = write_profile(profiles, TEAM, settings=read_settings(), reads=())
        os.environ |= {**variables, "BENCH_HOME": str(home), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        parsing = ["parse", "--profile", PROFILE, *folders(home)]
        subprocess.run([dbt_program(), *parsing], check=True, capture_output=True)
        for way in WAYS:
            measure(way)  # parses, imports and creates what later builds find
        found = {way: [measure(way) for _ in range(options.repeats)] for way in WAYS}
    print(
        f"{options.models} models of {options.rows:,} rows, {2 * options.models} tests; CPU seconds, median of {options.repeats}"
    )
    cpu = {way: statistics.median(seconds) for way, seconds in found.items()}
    for way, seconds in cpu.items():
        print(f"  {way:12} {seconds:6.2f} s   {seconds / cpu['dbt']:.2f} times dbt alone")
    print(f"headgate / dbt: {cpu['headgate'] / cpu['dbt']:.2f} (promised: at most 1.5)")


def write_team(folder: Path, models: int, rows: int) -> None:
    """A team whose project has `models` models in chains of four, each with a unique and a not_null test."""
    package = folder / "src" / TEAM
    files = {
        folder / "pyproject.toml": MANIFEST,
        package / "__init__.py": "",
        package / "definitions.py": DEFINITIONS,
        folder / "dbt" / "dbt_project.yml": PROJECT,
    }
    described = []
    for number in range(models):
        source = (
            f"{{{{ ref('model_{number - 1}') }}}}"
            if number % 4
            else f"(select range as id, range % 7 as kind from range({rows}))"
        )
        files[folder / "dbt" / "models" / f"model_{number}.sql"] = f"select id, kind, id * 2 as doubled from {source}"
        described.append(
            {
                "name": f"model_{number}",
                "description": f"Numbers, step {number % 4}.",
                "columns": [{"name": "id", "description": "The number.", "data_tests": ["unique", "not_null"]}],
            }
        )
    files[folder / "dbt" / "models" / "models.yml"] = json.dumps({"version": 2, "models": described})
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def measure(way: str) -> float:
    """CPU seconds of one build in processes of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, __file__, "--way", way], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{way} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def folders(home: Path) -> list[str]:
    return [
        *("--project-dir", str(home / "teams" / TEAM / "dbt")),
        *("--profiles-dir", str(home / "profiles")),
        *("--target-path", str(home / "target")),
        *("--log-path", str(home / "logs")),
    ]


def dbt_program() -> str:
    return str(Path(sys.executable).with_name("dbt"))


def build_alone() -> None:
    home = Path(os.environ["BENCH_HOME"])
    os.execv(dbt_program(), ["dbt", "build", "--profile", PROFILE, *folders(home)])


def build_by_headgate() -> None:
    home = Path(os.environ["BENCH_HOME"])
    sys.path.insert(0, str(home / "teams" / TEAM / "src"))
    import dagster as dg
    from shop.definitions import defs  # type: ignore[import-not-found]

    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        assert job.execute_in_process(instance=instance).success


def build_by_dagster_dbt() -> None:
    home = Path(os.environ["BENCH_HOME"])
    import dagster as dg
    from dagster_dbt import DbtCliResource, dbt_assets

    @dbt_assets(manifest=home / "target" / "manifest.json")
    def build(context: dg.AssetExecutionContext, dbt: DbtCliResource):  # type: ignore[no-untyped-def]
        yield from dbt.cli(["build", "--target-path", str(home / "target")], context=context).stream()

    dbt = DbtCliResource(
        project_dir=str(home / "teams" / TEAM / "dbt"),
        profiles_dir=str(home / "profiles"),
        profile=PROFILE,
        dbt_executable=dbt_program(),
    )
    job = dg.Definitions(assets=[build], resources={"dbt": dbt}).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        assert job.execute_in_process(instance=instance).success


WAYS = {"dbt": build_alone, "headgate": build_by_headgate, "dagster-dbt": build_by_dagster_dbt}


if __name__ == "__main__":
    main()
