"""The supervisor's configuration, read back by its own parser."""

from configparser import RawConfigParser
from pathlib import Path

from headgate_control.programs import (
    code_program,
    daemon_program,
    database_program,
    gateway_program,
    team_of,
    write_supervisor_configuration,
)


def read(home: Path) -> RawConfigParser:
    programs = [
        database_program("postgres"),
        code_program("alpha"),
        code_program("daemon"),
        gateway_program(port=3000, allow_hosts=["data.example.org:8443"]),
        daemon_program(),
    ]
    parser = RawConfigParser()
    parser.read(write_supervisor_configuration(home, programs), encoding="utf-8")
    return parser


def test_groups_start_in_order_with_the_supervisor(tmp_path: Path) -> None:
    configuration = read(tmp_path)
    groups = {name: configuration[f"group:{name}"] for name in ("store", "code", "dagster")}
    assert [group["priority"] for group in groups.values()] == ["10", "20", "30"]
    assert [group["programs"] for group in groups.values()] == ["postgres", "code-alpha,code-daemon", "gateway,daemon"]
    sections = [configuration[section] for section in configuration.sections() if section.startswith("program:")]
    assert {section["autostart"] for section in sections} == {"true"}
    assert {section["autorestart"] for section in sections} == {"true"}


def test_a_database_is_stopped_fast_and_alone(tmp_path: Path) -> None:
    postgres = read(tmp_path)["program:postgres"]
    assert (postgres["stopsignal"], postgres["stopasgroup"], postgres["killasgroup"]) == ("INT", "false", "false")
    assert read(tmp_path)["program:code-alpha"]["stopasgroup"] == "true"


def test_no_path_and_no_secret_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "a; b #c %d"
    read(home)
    text = (home / "run" / "supervisor.conf").read_text(encoding="utf-8")
    assert str(home) not in text
    assert "environment=" not in text
    assert (home / "run" / "supervisor.conf").stat().st_mode & 0o777 == 0o600


def test_teams_are_told_from_other_programs() -> None:
    assert team_of(code_program("gateway").name) == "gateway"
    assert team_of("gateway") is None
