"""`python -m headgate.orchestration.dbt TEAM_FOLDER`: parses a team's dbt project and says what it becomes, as JSON.

For whoever makes environments or images: a code location that starts afterwards finds the project parsed.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.orchestration.dbt.assets import make_assets
from headgate.orchestration.dbt.project import FOLDER, load_project
from headgate.team import read_team


def main(folder: str) -> int:
    """Prints counts and published tables; on an error its three lines, and 1."""
    try:
        team = read_team(Path(folder).absolute())
        project = load_project(team.folder / FOLDER, team.name, read_settings())
        made = make_assets(team, project)
    except HeadgateError as error:
        print(error, file=sys.stderr)
        return 1
    manifest = project.manifest
    counts = Counter(node.kind for node in (*manifest.relations, *manifest.of_kind("source")))
    tests = len(manifest.attachments)
    print(json.dumps({"counts": {**counts, "test": tests}, "published": sorted(made.contracts)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
