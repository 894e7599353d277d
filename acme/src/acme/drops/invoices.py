"""A day's lines of the invoice system: regular ones, and a few that are doubtful."""

from dataclasses import replace

import numpy as np

from acme.drops.plan import Plan
from acme.drops.subscriptions import Line
from acme.drops.world import SKUS, Stream

NOT_VCPU = "not_vcpu_sku"
"""No mistake, but no vCPU either: a line that entitles to nothing."""

DOUBTS = ("invalid_customer", "unknown_sku", "unknown_customer", "negative_quantity", "no_term", "duplicate_row")
"""What can be wrong with a line. The first two come by themselves, each 0.15 times a day on average."""

_EVERYDAY_RATE = 0.15
_BAD_CUSTOMERS = ("", "UNKNOWN", "C-12", "c_000001", "0")
_VCPU = {sku.sku for sku in SKUS if sku.is_vcpu}

Doubted = tuple[Line, str]
"""A line, and what is wrong with it: nothing is ''."""


def make_lines(plan: Plan, day: int) -> list[Doubted]:
    """Everything that a day's dump ever holds."""
    rng = plan.spec.stream(Stream.DOUBTS, day)
    lines = classify(plan.lines(day))
    return add_doubts(plan, day, lines, {kind: int(rng.poisson(_EVERYDAY_RATE)) for kind in DOUBTS[:2]}, rng)


def add_doubts(
    plan: Plan, day: int, lines: list[Doubted], counts: dict[str, int], rng: np.random.Generator
) -> list[Doubted]:
    """The same lines, and so many of each kind beside them, with invoice numbers of their own."""
    # The first day has the lines of all former days: there is always one to start from.
    models = [line for line in plan.lines(day) or plan.lines(plan.spec.first) if line.sku in _VCPU]
    added: list[Doubted] = []
    for kind, count in counts.items():
        for _ in range(count if models else 0):
            number = sum(is_added(line) for line, _ in lines) + len(added) + 1
            model = models[int(rng.integers(0, len(models)))]
            line = replace(model, invoice=f"INV-9{day:05d}-{number:04d}", number=1, order_day=day)
            line = replace(line, replaces="", line_type="new")
            if kind == "invalid_customer":
                line = replace(line, customer=_BAD_CUSTOMERS[number % len(_BAD_CUSTOMERS)])
            elif kind == "unknown_customer":
                line = replace(line, customer=f"C-{999_999 - number:06d}")
            elif kind == "unknown_sku":
                line = replace(line, sku=f"{line.product}-VCPU-LEGACY-{number}")
            elif kind == "negative_quantity":
                line = replace(line, quantity=-abs(line.quantity))
            elif kind == "no_term":
                line = replace(line, term_months=None)
            else:
                line = model
            added.append((line, kind))
    return lines + added


def classify(lines: list[Line]) -> list[Doubted]:
    """Regular lines with what they are."""
    return [(line, "" if line.sku in _VCPU else NOT_VCPU) for line in lines]


def is_added(line: Line) -> bool:
    """Whether a line is one of `add_doubts`, with an invoice number that no regular one has."""
    return line.invoice.startswith("INV-9")
