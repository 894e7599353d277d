"""How far a world in databases has come: what its ledger's folder and its databases must agree on.

What belongs here: beginning a world, closing a batch, and refusing what would break it, for every world that is written to
databases. What does not: what a batch holds (`acme.seeding`, `acme.storefront.growth`).
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acme.bookkeeping import write_json
from acme.errors import AcmeError
from acme.ledger import read_faults
from acme.source import Source


def is_there(source: Source, folder: Path, name: str, known: dict[str, Any] | None, *, command: str) -> bool:
    """Whether the asked-for world is complete; an interrupted seeding and an empty server do not count.

    Args:
        source: the server.
        folder: the ledger's.
        name: of the world that is asked for.
        known: what the ledger says of the world that is there, if it says anything.
        command: of this kind of world, as a person types it.

    Raises:
        AcmeError: something else is there.
    """
    held = {database: source.batch(database) for database in source.databases}
    if known is None:
        for database, batch in held.items():
            if batch:
                raise AcmeError(
                    f"The server already holds {batch[0]}, which this ledger does not know",
                    where=source.address(database),
                    next_step="give the --ledger that belongs to it, or --force to replace what is there",
                )
    if known is None or known["status"] != "ready":
        return False
    if known["world"] != name:
        raise AcmeError(
            f"Another world is here: {known['world']}, not {name}",
            where=str(folder),
            next_step="give --force to replace it, or ask for the world that is here",
        )
    check_databases(source, known, source.databases, command=command)
    return True


def check_databases(source: Source, world: dict[str, Any], databases: Iterable[str], *, command: str) -> None:
    """Refuse to touch databases that hold something else than the ledger says."""
    for database in databases:
        if source.batch(database) != (world["world"], world["batches"] - 1):
            raise AcmeError(
                f"The database does not hold the world {world['world']} as the ledger knows it",
                where=source.address(database),
                next_step=f"check --url and --ledger, or run `{command} seed --force` to write the world anew",
            )


def refuse_faults(folder: Path, *, command: str) -> None:
    """Raises:
    AcmeError: faults are active; their rows must stay within the look-back.
    """
    active = [fault["kind"] for fault in read_faults(folder) if not fault["is_cleared"]]
    if active:
        raise AcmeError(
            f"Faults are active ({', '.join(sorted(set(active)))}); a day would carry them out of the look-back",
            where=str(folder / "faults.json"),
            next_step=f"run `{command} fault clear` first",
        )


def begin_world(folder: Path, identity: dict[str, Any]) -> None:
    """Note that a world is being written, and forget the one before."""
    write_json(folder / "world.json", {"status": "seeding", **identity})
    for leftover in ("batches", "state"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    (folder / "faults.json").unlink(missing_ok=True)


def close_batch(folder: Path, world: dict[str, Any]) -> None:
    """Move the world's clock, and keep the state of its last batch alone; from here on the batch is part of the world."""
    write_json(folder / "world.json", world)
    last = state_folder(folder, world["batches"] - 1)
    for state in (folder / "state").iterdir():
        if state != last:
            shutil.rmtree(state, ignore_errors=True)


def state_folder(folder: Path, number: int) -> Path:
    """What the generator needs to go on after a batch."""
    return folder / "state" / f"{number:04}"
