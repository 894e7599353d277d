"""`headgate doctor`."""

import itertools
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from headgate.environment import read_settings
from headgate_control.diagnosis import Finding, Severity, examine_machine, examine_projects
from headgate_control.diagnosis_database import examine_databases
from headgate_control.diagnosis_sources import examine_sources

_STYLES = {Severity.OK: "green", Severity.NOTE: "yellow", Severity.PROBLEM: "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Look at machine, environments, secrets, databases and lake: what is wrong and what to do. Exit code 1 if a problem is."""
    settings = read_settings()
    console = Console(highlight=False, soft_wrap=True)
    findings: list[Finding] = []
    examined = itertools.chain(
        examine_machine(settings), examine_projects(settings), examine_sources(settings), examine_databases(settings)
    )
    for finding in examined:
        findings.append(finding)
        if not as_json:
            console.print(_line(finding))
    problems = sum(finding.severity is Severity.PROBLEM for finding in findings)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console.print(f"\n{problems} problem{'' if problems == 1 else 's'}")
    raise typer.Exit(1 if problems else 0)


def _line(finding: Finding) -> Text:
    line = Text.assemble((f"{finding.severity:8}", _STYLES[finding.severity]), f"{finding.subject}: {finding.text}")
    if finding.next_step:
        line.append(f"\n{'':8}  next: {finding.next_step}", style="dim")
    return line
