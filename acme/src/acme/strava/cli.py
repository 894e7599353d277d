"""`python -m acme strava …`: the club's world, its server and its faults."""

import re
from pathlib import Path
from typing import Annotated

import typer

from acme.errors import AcmeError
from acme.parameters import parse_count, parse_day
from acme.terminal import print_document

app = typer.Typer(
    help="The cycling club's accounts, behind an HTTP server that speaks as the Strava API v3.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
fault_app = typer.Typer(help="What a good service would never do.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fault_app, name="fault")

Folder = Annotated[Path, typer.Option("--folder", envvar="ACME_STRAVA", help="The world's folder, made when missing.")]
Credentials = Annotated[
    Path,
    typer.Option(envvar="ACME_STRAVA_CREDENTIALS", help="File for client id, client secret and first refresh tokens."),
]
Athlete = Annotated[int | None, typer.Option("--athlete", help="This athlete's only, by id.")]


@app.command()
def seed(
    folder: Folder,
    credentials: Credentials,
    activities: Annotated[str | None, typer.Option(help="Activities in the history: 50k, a plain number; 2k.")] = None,
    athletes: Annotated[int | None, typer.Option(help="Accounts, each with credentials of its own; 4.")] = None,
    years: Annotated[int | None, typer.Option(help="Length of the history; 3.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, size and day: same world; 42.")] = None,
    today: Annotated[str | None, typer.Option(help="World clock, YYYY-MM-DD; the current UTC day by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace whatever world is there, and all tokens.")] = False,
) -> None:
    """Write a world; nothing happens when it is already there."""
    from acme.strava import growth

    print_document(
        growth.seed(
            folder,
            credentials,
            activities=parse_count(activities, option="--activities") if activities else None,
            athletes=athletes,
            years=years,
            seed=seed,
            today=parse_day(today) if today else None,
            force=force,
        )
    )


@app.command()
def serve(
    folder: Folder,
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one and prints it.")] = 8080,
) -> None:
    """Serve the world on 127.0.0.1 until told to end."""
    from acme.strava.serving import run_server

    run_server(folder, port)


@app.command()
def advance(
    folder: Folder,
    days: Annotated[int, typer.Option(min=1, help="Days that shall happen.")] = 1,
    activities: Annotated[int | None, typer.Option(help="Exactly this many on each day; the usual by default.")] = None,
) -> None:
    """Let days happen: new activities, late ones, edits of earlier ones."""
    from acme.strava import growth

    print_document(growth.advance(folder, days=days, activities=activities))


@app.command()
def info(folder: Folder) -> None:
    """The world, its clock, its size, its settings and active faults."""
    from acme.strava import growth

    print_document(growth.info(folder))


@app.command()
def configure(
    folder: Folder,
    token_lifetime: Annotated[int | None, typer.Option(min=1, help="Seconds an access token lasts; 21600.")] = None,
    rotation: Annotated[
        str | None, typer.Option(help="When an old refresh token is refused: when_used or at_once.")
    ] = None,
    limits: Annotated[str | None, typer.Option(help="Requests a window and a day: 200,2000.")] = None,
    read_limits: Annotated[str | None, typer.Option(help="The same for reading: 100,1000.")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Seconds of the shorter window; 900.")] = None,
) -> None:
    """Change how the server behaves; one that runs heeds it at once."""
    from acme.strava import growth
    from acme.strava.tokens import ROTATIONS

    if rotation is not None and rotation not in ROTATIONS:
        raise AcmeError(
            f"There is no rotation {rotation!r}", where="--rotation", next_step=f"take one of {', '.join(ROTATIONS)}"
        )
    changes = {
        "token_lifetime_s": token_lifetime,
        "rotation": rotation,
        "limits": _parse_limits(limits, "--limits"),
        "read_limits": _parse_limits(read_limits, "--read-limits"),
        "window_s": window,
    }
    print_document(growth.configure(folder, {name: value for name, value in changes.items() if value is not None}))


@app.command()
def authorize(folder: Folder, credentials: Credentials, athlete: Athlete = None) -> None:
    """Grant access anew, as an athlete does in a browser: new refresh tokens, written into the file of credentials."""
    from acme.strava import growth

    print_document(growth.authorize_again(folder, credentials, athlete_id=athlete))


@app.command("ledger")
def show_ledger(
    folder: Folder, ids: Annotated[bool, typer.Option("--ids", help="Also all ids (long).")] = False
) -> None:
    """What a checker needs: what exists, what changed, what was served."""
    from acme.strava.ledger import StravaLedger

    print_document(StravaLedger(folder).summary(with_ids=ids))


@fault_app.command("inject")
def inject_fault(
    folder: Folder,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="See the README; a wrong one lists them.")],
    count: Annotated[int, typer.Option(help="How many activities, or how many requests.")] = 1,
    skip: Annotated[int, typer.Option(help="Requests that are let through first.")] = 0,
    path: Annotated[str, typer.Option(help="Strike only requests whose path holds this.")] = "",
    seconds: Annotated[float, typer.Option(help="How long a timeout keeps silent.")] = 30.0,
    athlete: Athlete = None,
) -> None:
    """Inject faults of one kind, in exactly this number."""
    from acme.strava import faults

    print_document(faults.inject(folder, kind, count=count, skip=skip, path=path, seconds=seconds, athlete_id=athlete))


@fault_app.command("clear")
def clear_faults(
    folder: Folder,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this kind; all by default.")] = None,
) -> None:
    """Take faults back; the activities are exactly as before."""
    from acme.strava import faults

    print_document(faults.clear(folder, kind=kind))


def _parse_limits(text: str | None, option: str) -> list[int] | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9},\d{1,9}", text):
        raise AcmeError(f"{text!r} are not two limits", where=option, next_step="write them as 200,2000")
    return [int(part) for part in text.split(",")]
