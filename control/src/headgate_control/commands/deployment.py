"""`headgate deployment`."""

from enum import StrEnum
from typing import Annotated

import typer
import yaml

from headgate.environment import BRANCH_NAME, read_settings
from headgate.errors import HeadgateError
from headgate.team import list_teams


class Kind(StrEnum):
    COMPOSE = "compose"
    ENV = "env"
    DAGSTER_CLOUD = "dagster-cloud"


def deployment(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="compose: the compose file; env: its variables; dagster-cloud: the locations for Dagster+."
        ),
    ],
    registry: Annotated[str, typer.Option(help="What stands before the images' names.")] = "",
    tag: Annotated[str, typer.Option(help="The images' tag; the commit, for one.")] = "latest",
    branch: Annotated[
        str | None, typer.Option(help="dagster-cloud: the branch of the lake that a branch deployment works on.")
    ] = None,
) -> None:
    """Print what a deployment in containers needs, made from the teams that exist: nothing of it is edited by hand."""
    from headgate_control.deployment.compose import compose
    from headgate_control.deployment.dagster_cloud import dagster_cloud
    from headgate_control.deployment.naming import Images
    from headgate_control.deployment.variables import environment_file
    from headgate_control.preflight import check_consumption

    settings = read_settings()
    if branch is not None and (kind is not Kind.DAGSTER_CLOUD or not BRANCH_NAME.fullmatch(branch)):
        raise HeadgateError(
            f"there is no deployment of {kind} on a branch {branch[:60]!r}",
            where="--branch",
            next_step="use it with dagster-cloud, and a name of lower-case letters, digits and _, at most 40 characters",
        )
    check_consumption(settings)
    teams = list_teams(settings.root)
    if kind is Kind.ENV:
        typer.echo(environment_file(teams), nl=False)
        return
    images = Images(registry, tag)
    document = compose(teams, images) if kind is Kind.COMPOSE else dagster_cloud(teams, images, branch=branch)
    typer.echo(yaml.dump(document, Dumper=_Readable, sort_keys=False, width=120), nl=False)


class _Readable(yaml.SafeDumper):
    """Text of several lines as such, and no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
