"""Reading `deploy/Dockerfile` as far as it can be tried without Docker: its stages, and what its context holds."""

import fnmatch
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from repository import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """One `FROM`: the stage or image below it, and its instructions in order."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, kind: str) -> list[str]:
        return [text for name, text in self.instructions if name == kind]


def read_stages() -> dict[str, Stage]:
    text = "\n".join(line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    stages: dict[str, Stage] = {}
    for line in text.replace("\\\n", " ").splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = Stage(base)
        elif kind and stages:
            stages[list(stages)[-1]].instructions.append((kind, rest))
    return stages


def lineage(name: str) -> list[Stage]:
    """A stage and those it begins with, the first one first."""
    stages, chain = read_stages(), []
    while name in stages:
        chain.insert(0, stages[name])
        name = stages[name].base
    return chain


def copy_context(target: Path, root: Path = ROOT) -> Path:
    """What Docker would send: the repository, filtered by the ignore file beside the Dockerfile."""
    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    dropped = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    assert len(rules) == 1 + len(kept) + len(dropped), "a rule that this reader does not know"
    target.mkdir()
    for name in sorted(kept):
        source = root / name
        if source.is_dir():
            shutil.copytree(
                source,
                target / name,
                ignore=lambda _, names: [n for n in names for p in dropped if fnmatch.fnmatch(n, p)],
            )
        else:
            shutil.copy2(source, target / name)
    return target


def copy_into_image(stage: Stage, context: Path, image: Path, team: str) -> None:
    """The stage's COPY instructions."""
    for text in stage.of("COPY"):
        source, destination = re.sub(r"\$\{?TEAM\}?", team, text).split()
        (image / destination).parent.mkdir(parents=True, exist_ok=True)
        if (context / source).is_dir():
            shutil.copytree(context / source, image / destination, dirs_exist_ok=True)
        else:
            shutil.copy2(context / source, image / destination)
