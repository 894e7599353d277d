"""The champion of the ride energy model beside what would be guessed without it, on the months held out from it.

Reads `fitness.ride_energy_evaluation` of this installation; `./headgate build --team fitness` builds it. Printed are mean
absolute errors in kJ and %, by month and of all; the same for athletes that nothing was learnt from; and the calibration.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from _measure import print_machine

from headgate.errors import HeadgateError

ROOT = Path(__file__).parents[1]
BASELINES = ("median_rate", "athlete_median_rate", "linear_time_climb")
CELLS = """
with champions as (
    select run_id from fitness.ride_energy_evaluation
    where decision = 'champion' order by model_version desc limit 1
)
select
    split, fold, model, is_candidate, model_version, distance_band, as_of_date,
    sum(ride_count)::double as rides, sum(actual_kj) as actual_kj, sum(predicted_kj) as predicted_kj,
    sum(absolute_error_kj) as error_kj
from fitness.ride_energy_evaluation inner join champions using (run_id)
group by all order by split, fold, model, distance_band
"""
Cells = list[dict[str, Any]]


def main() -> None:
    print_machine("headgate")
    cells = read_cells()
    champion = next(cell for cell in cells if cell["is_candidate"])
    print(f"champion: {champion['model']}, version {champion['model_version']}, judged as of {champion['as_of_date']}")
    holdout = [cell for cell in cells if cell["split"] == "holdout"]
    for fold in sorted({cell["fold"] for cell in holdout}):
        print_errors(f"month {fold}", [cell for cell in holdout if cell["fold"] == fold], champion["model"])
    print_errors("held-out months", holdout, champion["model"])
    others = [cell for cell in cells if cell["split"] == "cross_validation"]
    print_errors("athletes that nothing was learnt from", others, champion["model"])
    print("predicted over recorded energy, held-out months:")
    bands = defaultdict(list)
    for cell in holdout:
        if cell["is_candidate"]:
            bands[cell["distance_band"]].append(cell)
    for band in sorted(bands, key=lambda name: int(name.split("–")[0].split("+")[0])):
        print(f"  {band:<12} {total(bands[band], 'predicted_kj') / total(bands[band], 'actual_kj'):6.3f}")


def read_cells() -> Cells:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(ROOT / "headgate"), "query", CELLS, "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    cells: Cells = [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []
    if not cells:
        sys.stderr.write(done.stderr)
        error = HeadgateError(
            "there is no champion of the ride energy model yet",
            where="fitness.ride_energy_evaluation",
            next_step="build it: ./headgate build --team fitness",
        )
        sys.exit(str(error))
    return cells


def print_errors(title: str, cells: Cells, champion: str) -> None:
    by_model = {model: [cell for cell in cells if cell["model"] == model] for model in (champion, *BASELINES)}
    errors = {model: total(part, "error_kj") / total(part, "rides") for model, part in by_model.items()}
    print(f"{title}: {total(by_model[champion], 'rides'):,.0f} rides")
    for model, error_kj in errors.items():
        share = total(by_model[model], "error_kj") / total(by_model[model], "actual_kj")
        ratio = "" if model == champion else f", the champion's is {errors[champion] / error_kj:.2f} of it"
        print(f"  {model:<22} {error_kj:7.1f} kJ  {share:6.1%}{ratio}")


def total(cells: Cells, measure: str) -> float:
    return sum(float(cell[measure]) for cell in cells)


if __name__ == "__main__":
    main()
