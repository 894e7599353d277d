"""The documentation and the command line name the same commands and options.

The command line is read as text: the control plane's environment is not needed.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from headgate_docs.pages import ROOT, read_code

CONTROL = ROOT / "control" / "src"
CLI = CONTROL / "headgate_control" / "cli.py"

_CALL = re.compile(r"(?:^|\s)\./headgate\s+([a-z]+(?:-[a-z]+)*)(.*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_EVERYWHERE = {"--debug", "--help"}


@dataclass(frozen=True)
class Command:
    """A row of the command line's own table."""

    name: str
    function: str
    passes_arguments: bool


def read_commands() -> dict[str, Command]:
    """What `Command(name, "module:function", …)` calls in the command line declare."""
    found = {}
    for node in ast.walk(ast.parse(CLI.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Command":
            values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            keywords = {word.arg: word.value for word in node.keywords}
            passes = values[-1] is True or "passes_arguments" in keywords
            found[str(values[0])] = Command(str(values[0]), str(values[1]), passes)
    return found


def read_options(command: Command) -> set[str]:
    """The options of a command's function: spelled out, or following from a parameter's name."""
    module, _, function = command.function.partition(":")
    path = CONTROL / Path(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            texts = [str(part.value) for part in ast.walk(node.args) if isinstance(part, ast.Constant)]
            spelled = {text.split("/")[0] for text in texts if text.startswith("--")}
            parameters = [*node.args.args, *node.args.kwonlyargs]
            return spelled | {f"--{parameter.arg.replace('_', '-')}" for parameter in parameters}
    raise AssertionError(f"{path} has no function {function}")


COMMANDS = read_commands()


def named_commands(pages: dict[str, str]) -> list[tuple[str, str, str]]:
    """Page, command and the rest of the line, for each `./headgate …` in code."""
    calls = [(page, line.split(" #")[0]) for page, text in pages.items() for line in read_code(text)]
    return [(page, match[1], match[2]) for page, line in calls if (match := _CALL.search(line))]


def test_commands_are_found() -> None:
    assert {"acme", "lock"} <= COMMANDS.keys()


def test_every_named_command_exists(pages: dict[str, str]) -> None:
    named = named_commands(pages)
    assert len(named) > 20
    assert {(page, name) for page, name, _ in named if name not in COMMANDS} == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_in_the_readme_and_in_a_page(pages: dict[str, str], name: str) -> None:
    rows = [line.split("|")[1] for line in pages["README.md"].splitlines() if line.startswith("| `")]
    assert any(re.search(rf"`{name}[ `]", row) for row in rows), f"the README's table lacks {name}"
    assert any(found == name for page, found, _ in named_commands(pages) if page != "README.md")


def test_every_named_option_exists(pages: dict[str, str]) -> None:
    calls = [*named_commands(pages), *_rows_of_the_readme(pages)]
    unknown = {
        (page, name, option)
        for page, name, rest in calls
        if name in COMMANDS and not COMMANDS[name].passes_arguments
        for option in set(_OPTION.findall(rest)) - _EVERYWHERE - read_options(COMMANDS[name])
    }
    assert unknown == set()


def test_every_named_acme_command_exists(pages: dict[str, str]) -> None:
    folder = ROOT / "acme" / "src" / "acme"
    files = ("cli.py", "strava/cli.py", "drops/cli.py", "storefront/cli.py")
    source = "".join((folder / name).read_text(encoding="utf-8") for name in files)
    known = set(re.findall(r'@app\.command\(\)\ndef (\w+)|@\w+\.command\("(\w+)"|name="(\w+)"', source))
    names = {name for match in known for name in match if name}
    assert {"seed", "advance", "info", "fault", "inject", "clear"} <= names
    rests = [rest for _, name, rest in named_commands(pages) if name == "acme"]
    calls = [re.sub(r"^ (strava|drops|storefront)\b", "", rest).split() for rest in rests]
    given = {option for words in calls for option in words if option.startswith("--")}
    asked = {words[0] for words in calls if words} | {words[1] for words in calls if words and words[0] == "fault"}
    assert asked - names - {"…"} == set()
    parameters = {f"--{name.replace('_', '-')}" for name in re.findall(r"(\w+): Annotated\[", source)}
    assert given <= {*_OPTION.findall(source), *parameters}


def test_every_kind_of_fault_is_documented(pages: dict[str, str]) -> None:
    source = (ROOT / "acme" / "src" / "acme" / "faults.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'"(\w+)": _Kind\(', source)) | {"drop_column"}
    assert len(kinds) > 5
    documented = {line.split("`")[1] for line in pages["docs/acme.md"].splitlines() if line.startswith("| `")}
    assert kinds == documented


def test_every_kind_of_fault_of_the_club_is_documented(pages: dict[str, str]) -> None:
    folder = ROOT / "acme" / "src" / "acme" / "strava"
    kinds = set(re.findall(r'^    "(\w+)": ', (folder / "faults.py").read_text(encoding="utf-8"), re.MULTILINE))
    names = re.findall(r"^(?:CHANGES|ACCOUNTS|ANSWERS|PAGING|SHAPES) = \(([^)]*)\)", _sources(folder), re.MULTILINE)
    kinds |= {name for group in names for name in re.findall(r'"(\w+)"', group)}
    assert len(names) == 5 and len(kinds) > 15
    page = pages["docs/acme-strava.md"].partition("## Faults on request")[2].partition("## The ledger")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert kinds == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_kind_of_fault_of_the_drops_is_documented(pages: dict[str, str]) -> None:
    folder = ROOT / "acme" / "src" / "acme" / "drops"
    kinds = set(re.findall(r'^    "(\w+)": ', (folder / "trouble.py").read_text(encoding="utf-8"), re.MULTILINE))
    for name in ("telemetry.py", "invoices.py"):
        group = re.search(r"^DOUBTS = \(([^)]*)\)", (folder / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert group
        kinds |= set(re.findall(r'"(\w+)"', group[1]))
    assert len(kinds) > 20
    page = pages["docs/acme-drops.md"].partition("## Faults on request")[2].partition("## The ledger")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert kinds == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_kind_of_fault_of_the_storefront_is_documented(pages: dict[str, str]) -> None:
    source = (ROOT / "acme" / "src" / "acme" / "storefront" / "faults.py").read_text(encoding="utf-8")
    groups = re.findall(r"^(?:LINES|DUPLICATES|COLUMN_KINDS)\b[^{]*= \{(.*?)^\}", source, re.MULTILINE | re.DOTALL)
    kinds = {kind for group in groups for kind in re.findall(r'^    "(\w+)": ', group, re.MULTILINE)}
    kinds |= set(re.findall(r'^MIXED_CASE = "(\w+)"', source, re.MULTILINE))
    assert len(groups) == 3 and len(kinds) == 10
    page = pages["docs/acme-storefront.md"].partition("## Faults on request")[2]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert kinds == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _sources(folder: Path) -> str:
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("faults.py", "trouble.py"))


def _rows_of_the_readme(pages: dict[str, str]) -> list[tuple[str, str, str]]:
    rows = [line for line in pages["README.md"].splitlines() if line.startswith("| `")]
    spans = [span for row in rows for span in re.findall(r"`([a-z]+ [^`]*)`", row)]
    return [("README.md", span.split()[0], span) for span in spans]
