"""The command line: which commands there are, and how every one of them ends.

What belongs here: the table of commands, `--debug`, errors and exit codes. What does not: what a command does; each is
one function in a module of its own, which is imported only when that command runs: `headgate --help` imports none.

Exit codes: 0 done, 1 the work failed, 2 usage or environment, 130 interrupted.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import typer

from headgate.errors import HeadgateError


@dataclass(frozen=True)
class Command:
    """A row of the table.

    Args:
        name: as a person types it.
        function: `module:function`; the function's annotations are its arguments (typer).
        summary: its line in `headgate --help`.
        group: heading in `headgate --help`.
        passes_arguments: everything after the name belongs to another program: nothing of it is interpreted here.
        passes_rest: what follows `--` belongs to another program; the function finds it as a list in `context.obj`.
        noun: second word of the command, where the name is a verb for several things: `new team`.
    """

    name: str
    function: str
    summary: str
    group: str
    passes_arguments: bool = False
    passes_rest: bool = False
    noun: str = ""


_WORK, _TABLES, _KEEP = "Pipelines", "Tables", "This installation"

COMMANDS = (
    Command("build", "headgate_control.commands.build:build", "Build every team's products from live sources.", _WORK),
    Command("up", "headgate_control.platform_cli:up", "Start the platform and its UI.", _WORK),
    Command("down", "headgate_control.platform_cli:down", "Stop the platform.", _WORK),
    Command("status", "headgate_control.platform_cli:status", "Show how the platform does.", _WORK),
    Command(
        "acme",
        "headgate_control.commands.acme:acme",
        "ACME, the stand-in company: its clock, its growth, its faults.",
        _WORK,
        passes_arguments=True,
    ),
    Command("new", "headgate_control.commands.team:new_team", "`new team`: make a team.", _WORK, noun="team"),
    Command("remove", "headgate_control.commands.team:remove_team", "`remove team`: undo that.", _WORK, noun="team"),
    Command("query", "headgate_control.commands.query:query", "Read-only SQL over everything published.", _TABLES),
    Command("history", "headgate_control.commands.history:history", "List a table's publications.", _TABLES),
    Command("warnings", "headgate_control.commands.warnings:warnings", "List and chart warnings.", _TABLES),
    Command(
        "service-levels",
        "headgate_control.commands.service_levels:service_levels",
        "What was promised, what was kept, and what is left of the error budgets.",
        _TABLES,
    ),
    Command("rollback", "headgate_control.commands.history:rollback", "Publish a former version of a table.", _TABLES),
    Command(
        "branch", "headgate_control.commands.branch:branch", "Branches of the lake: create, compare, promote.", _TABLES
    ),
    Command(
        "test",
        "headgate_control.commands.test:test",
        "Run the tests of every project, each in its own environment.",
        _KEEP,
        passes_rest=True,
    ),
    Command("bench", "headgate_control.commands.bench:bench", "Measure a promise beside its peer.", _KEEP, True),
    Command("docs", "headgate_control.commands.docs:docs", "Build the documentation and the data dictionary.", _KEEP),
    Command(
        "rollout", "headgate_control.commands.rollout:rollout", "In which order to roll out the teams' code.", _KEEP
    ),
    Command(
        "deployment",
        "headgate_control.commands.deployment:deployment",
        "Compose file, its variables, Dagster+ locations: made from the teams.",
        _KEEP,
    ),
    Command("doctor", "headgate_control.commands.doctor:doctor", "What is wrong here, and what to do.", _KEEP),
    Command("sync", "headgate_control.commands.sync:sync", "Make the environments that are missing or stale.", _KEEP),
    Command("lock", "headgate_control.commands.lock:lock", "Renew the projects' requirements.lock.", _KEEP),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    arguments, debug = _take_debug(list(arguments))
    signal.signal(signal.SIGTERM, _end_on_signal)
    try:
        _load_dotenv()
        name = _command_name(arguments)
        arguments, rest = _take_rest(arguments, name)
        make_app(name)(args=arguments, prog_name="headgate", obj=rest)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except HeadgateError as error:
        if debug:
            traceback.print_exc()
        print(error, file=sys.stderr)
        return int(getattr(error, "exit_code", 2))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        print(_unexpected(error), file=sys.stderr)
        return 1
    return 0


def make_app(chosen: str | None) -> typer.Typer:
    """The typer application. Only the chosen command is imported; the others are known by their summary."""
    app = typer.Typer(
        name="headgate",
        help="A data platform for several teams: pipelines, contracts, published tables.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_declare_options)
    for command in COMMANDS:
        settings: dict[str, Any] = {}
        if command.passes_arguments:
            settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
        function = _load(command) if command.name == chosen else _summary_of(command)
        help_text = None if command.name == chosen else command.summary
        owner, name = app, command.name
        if command.noun and command.name == chosen:
            owner, name = _verb(app, command), command.noun
        owner.command(
            name,
            help=help_text,
            rich_help_panel=command.group,
            context_settings=settings,
            no_args_is_help=False,
        )(function)
    return app


def _verb(app: typer.Typer, command: Command) -> typer.Typer:
    """The group of commands that begin with a verb."""
    verb = typer.Typer(no_args_is_help=True)
    verb.callback()(lambda: None)
    app.add_typer(verb, name=command.name, help=command.summary, rich_help_panel=command.group)
    return verb


def _declare_options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error (also after the command)."),
) -> None:
    pass


def _load(command: Command) -> Callable[..., Any]:
    module, _, function = command.function.partition(":")
    loaded: Callable[..., Any] = getattr(import_module(module), function)
    return loaded


def _summary_of(command: Command) -> Callable[..., None]:
    def stub() -> None:
        raise RuntimeError(f"{command.name} was not loaded")

    return stub


def _command_name(arguments: Sequence[str]) -> str | None:
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def _take_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """`--debug` anywhere before `--`, unless the command passes its arguments on."""
    name = _command_name(arguments)
    passing = {command.name for command in COMMANDS if command.passes_arguments}
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if name in passing:
        end = min(end, arguments.index(str(name)))
    head = [argument for argument in arguments[:end] if argument != "--debug"]
    is_debug = len(head) < end or bool(os.environ.get("HEADGATE_DEBUG"))
    return head + arguments[end:], is_debug


def _take_rest(arguments: list[str], name: str | None) -> tuple[list[str], list[str]]:
    if "--" not in arguments or not any(command.name == name and command.passes_rest for command in COMMANDS):
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _load_dotenv() -> None:
    """Variables of the git-ignored `.env` at the root; what is set already wins."""
    root = os.environ.get("HEADGATE_ROOT")
    path = os.path.join(root, ".env") if root else ""
    if not os.path.isfile(path):
        return
    from dotenv import dotenv_values

    for name, value in dotenv_values(path).items():
        if value is not None:
            os.environ.setdefault(name, value)


def _end_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    # As an exception, so that what was started is stopped.
    raise SystemExit(128 + number)


def _unexpected(error: Exception) -> HeadgateError:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    text = " ".join(str(error).split())[:300]
    return HeadgateError(
        f"unexpected {type(error).__name__}: {text}" if text else f"unexpected {type(error).__name__}",
        where=place,
        next_step="this is a fault of Headgate: run again with --debug and report it",
    )
