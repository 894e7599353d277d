"""ACME's side of the platform: its server started, its world seeded when there is none, its command line called.

What belongs here: which server, which ledger, which password. What does not: the world itself (project `acme`, which
runs in its own environment and knows nothing of Headgate).
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control import databases
from headgate_control.drops_place import drops_place, subscriptions_folder
from headgate_control.environments import environment_python, require_environments
from headgate_control.foreground import run_in_foreground
from headgate_control.projects import choose_projects
from headgate_control.provision import acme_reader_password, acme_url, base_variables
from headgate_control.strava import stand_in_command, stand_in_environment

DEFAULT_ORDERS = "100k"
DEFAULT_DROPS = ("--customers", "60", "--days", "60", "--dense-minutes", "30")
"""60 customers and 60 days, seven of them with a heartbeat each half hour: some 100,000 heartbeats in a few seconds."""


class AcmeWorldError(HeadgateError):
    """ACME's world cannot be made, or is not the one asked for."""


def ledger_folder(settings: Settings) -> Path:
    """Where the generator writes what the world contains."""
    return settings.state_folder / "acme" / "ledger"


def storefront_folder(settings: Settings) -> Path:
    """The same of the storefront."""
    return settings.state_folder / "acme" / "storefront"


def read_world(settings: Settings) -> dict[str, Any] | None:
    """What the ledger says of the world: seed, size, clock; None when there is none, or its seeding was interrupted."""
    return _read_ready(ledger_folder(settings))


def read_storefront(settings: Settings) -> dict[str, Any] | None:
    """The same of the storefront."""
    return _read_ready(storefront_folder(settings))


def ensure_world(settings: Settings, *, orders: str | None = None) -> dict[str, Any]:
    """The world, seeded when there is none. The server runs already, and ACME's environment is made.

    Args:
        settings: where.
        orders: the size asked for (`1k`, `100k`, `10M`); None takes what is there.

    Returns:
        The ledger's world.json.

    Raises:
        AcmeWorldError: another size is there, or the seeding failed.
    """
    world = read_world(settings)
    if world is not None and orders is None:
        return world
    command, environment = _command(settings, ["seed", "--orders", orders or DEFAULT_ORDERS])
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise _explain(result.stderr)
    world = read_world(settings)
    if world is None:
        raise AcmeWorldError(
            "ACME's world was seeded, but its ledger does not say so",
            where=str(ledger_folder(settings)),
            next_step="run `headgate acme seed --force`",
        )
    return world


def ensure_storefront(settings: Settings) -> dict[str, Any]:
    """The storefront, seeded in its default size when there is none. The server runs already, and ACME's environment is made.

    Returns:
        The ledger's world.json.

    Raises:
        AcmeWorldError: the seeding failed.
    """
    world = read_storefront(settings)
    if world is not None:
        return world
    command, environment = _command(settings, ["storefront", "seed"])
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    world = read_storefront(settings)
    if result.returncode != 0 or world is None:
        raise _explain(result.stderr, what="storefront", command="acme storefront seed")
    return world


def ensure_drops(settings: Settings) -> None:
    """ACME's file drops, made when there are none; ACME's environment is there. No server is needed.

    Raises:
        AcmeWorldError: they cannot be made, or are elsewhere than ACME_DROPS says.
    """
    if has_drops(settings) and not os.environ.get("ACME_DROPS"):
        return
    size = () if has_drops(settings) else DEFAULT_DROPS
    command = [str(environment_python(settings, "acme")), "-P", "-m", "acme", "drops", "seed", *size]
    result = subprocess.run(command, env=drops_environment(settings), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise _explain(result.stderr, what="file drops", command="acme drops seed")


def has_drops(settings: Settings) -> bool:
    """Whether ACME's file drops were made; one that was cut short has no world yet."""
    return (subscriptions_folder(settings) / "world.json").exists()


def run_acme(settings: Settings, arguments: Sequence[str]) -> int:
    """Run a command of `python -m acme` for the person at the terminal; returns its exit code.

    The embedded server is started for it, and stopped again when it did not run before.
    """
    require_environments(settings, choose_projects(settings.root, ["acme"]))
    if not arguments or "--help" in arguments:
        command, environment = _command(settings, list(arguments) or ["--help"])
        return run_in_foreground(command, environment=environment)
    if arguments[0] == "strava":
        return run_in_foreground(stand_in_command(settings, arguments[1:]), environment=stand_in_environment(settings))
    if arguments[0] == "drops":
        command = [str(environment_python(settings, "acme")), "-P", "-m", "acme", *arguments]
        return run_in_foreground(command, environment=drops_environment(settings))
    started = databases.start(settings, ["acme"])
    try:
        command, environment = _command(settings, arguments)
        return run_in_foreground(command, environment=environment)
    finally:
        databases.stop(settings, started)


def drops_environment(settings: Settings) -> dict[str, str]:
    """Where the world of subscriptions is, and where its files are dropped: ACME_DROPS, else a folder beside it."""
    return {
        **base_variables(),
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "ACME_SUBSCRIPTIONS": str(subscriptions_folder(settings)),
        "ACME_DROPS": drops_place(settings),
    }


def _command(settings: Settings, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of `python -m acme`: passwords in the latter, where `ps` does not show them."""
    url = acme_url()
    if url is None:
        server = databases.server(settings, "acme")
        url = server.admin_url() if server.data.exists() else ""
    environment = {
        **base_variables(),
        "ACME_URL": url,
        "ACME_LEDGER": str(ledger_folder(settings)),
        "ACME_STOREFRONT": str(storefront_folder(settings)),
        "ACME_READER_PASSWORD": acme_reader_password(settings),
    }
    return [str(environment_python(settings, "acme")), "-P", "-m", "acme", *arguments], environment


def _read_ready(folder: Path) -> dict[str, Any] | None:
    try:
        world = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return world if isinstance(world, dict) and world.get("status") == "ready" else None


def _explain(text: str, *, what: str = "world", command: str = "acme seed") -> AcmeWorldError:
    """The three lines that ACME printed, as an error of this side."""
    lines = [line.strip() for line in text.strip().splitlines()]
    found = {
        key: line.removeprefix(key).strip() for line in lines for key in ("where:", "next:") if line.startswith(key)
    }
    told = [line for line in lines if not line.startswith(("where:", "next:", "orders ", "days ", "hits "))]
    return AcmeWorldError(
        f"ACME's {what} cannot be made: {told[-1] if told else 'no reason was given'}",
        where=found.get("where:", f"python -m {command}"),
        next_step=found.get("next:", f"run `headgate {command} --force`").replace("`acme ", "`headgate acme "),
    )
