"""What acme's ledger says follows from its deliveries: asked in acme's own environment, which shares no code with the team."""

import json
import os
import subprocess
from datetime import date
from typing import Any

from worlds import ROOT, Acme

_ASK = """
import json, sys
from datetime import date
from pathlib import Path
from acme.drops.ledger import DropsLedger
ledger = DropsLedger(Path(sys.argv[1]))
first, last = date.fromisoformat(sys.argv[2]), date.fromisoformat(sys.argv[3])
days = sorted({day for source, day in ledger.current()})
rows = [[*map(str, key), *values] for key, values in ledger.consumption(first=first, last=last).items()]
active = {str(day): {k: len(v) for k, v in ledger.active_customers(day).items()} for day in days if first <= day <= last}
names = ("day", "deployment", "customer", "heartbeats", "vcpu_milli_sum", "vcpu_milli_max", "memory_mb_sum")
usage = [[str(row["day"]), *(row[name] for name in names[1:])] for row in ledger.usage(first=first, last=last).to_pylist()]
doubtful = {}
for (source, day), one in ledger.current().items():
    if source.startswith("telemetry_") and first <= day <= last:
        doubtful[f"{day} {source[-1].upper()}"] = sum(one["doubtful"].values())
print(json.dumps({"consumption": rows, "active": active, "usage": usage, "doubtful": doubtful}))
"""


def ask_ledger(acme: Acme, first: date, last: date) -> dict[str, Any]:
    """`consumption`: customer, product, day, used, entitled, ratio; `active`: day → product → number; `usage`: day, deployment,
    customer, heartbeats, sums in thousandths and MB; `doubtful`: `day product` → heartbeats."""
    home = ROOT / ".headgate" if not os.environ.get("HEADGATE_TEST_HOME") else os.environ["HEADGATE_TEST_HOME"]
    command = [f"{home}/envs/acme/bin/python", "-P", "-c", _ASK, str(acme.world), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
