"""Which versions a consumer accepts, and what it would notice between two of them."""

import pytest

from headgate.contract import ContractError, breaking_changes, is_compatible
from headgate.contract.model import Bounds

BASE = """
- name: id
  logicalType: integer
  physicalType: INTEGER
  primaryKey: true
- name: tier
  logicalType: string
  required: true
  enum: [{value: basic}, {value: premium}]
- name: score
  logicalType: number
  physicalType: DOUBLE
  logicalTypeOptions: {minimum: 0, maximum: 1}
  quality:
    - {metric: nullValues, mustBeLessThan: 10, unit: percent}
    - {metric: nullValues, name: mostly_known, mustBeLessThan: 1, unit: percent, severity: warning}
"""


@pytest.mark.parametrize(
    ("version", "accepted", "expected"),
    [
        ("1.0.0", ">=1,<2", True),
        ("1.9.3", ">=1,<2", True),
        ("2.0.0", ">=1,<2", False),
        ("0.9.0", ">=1,<2", False),
        ("1.2.0", "==1.2.*", True),
        ("1.10.0", ">=1.9", True),
        ("1.0.0", "", True),
    ],
)
def test_versions(version: str, accepted: str, expected: bool) -> None:
    assert is_compatible(version, accepted) is expected


@pytest.mark.parametrize(("version", "accepted"), [("one", ">=1"), ("1.0.0", "one"), ("", ">=1")])
def test_malformed_versions(version: str, accepted: str) -> None:
    with pytest.raises(ContractError, match="cannot be compared"):
        is_compatible(version, accepted)


@pytest.mark.parametrize(
    ("old", "new", "subject", "what"),
    [
        ("- name: tier", "- name: level", "tier", "the column is gone"),
        ("INTEGER", "BIGINT", "id", "the type changes from INTEGER to BIGINT (values still fit)"),
        ("DOUBLE", "FLOAT", "score", "the type changes from DOUBLE to FLOAT (values may not fit)"),
        ("  required: true\n", "", "tier__not_null", "no longer promised: tier is never null"),
        ("{value: premium}", "{value: premium}, {value: gold}", "tier__allowed_values", "from now on: tier is one of"),
        ("maximum: 1}", "maximum: 2}", "score__range", "from now on: score is at least 0 and at most 2"),
        ("minimum: 0, ", "", "score__range", "from now on: score is at most 1"),
        ("  primaryKey: true", "  required: true", "id__unique", "no longer promised: id is never repeated"),
        ("mustBeLessThan: 10", "mustBeLessThan: 20", "score__null_values", "from now on: Rows with null values"),
        ("unit: percent}", "unit: percent, severity: warning}", "score__null_values", "only a warning from now on"),
    ],
)
def test_what_breaks(read_contract, old: str, new: str, subject: str, what: str) -> None:
    before = read_contract(BASE)
    assert old in BASE
    changes = breaking_changes(before, read_contract(BASE.replace(old, new, 1)))
    assert [change for change in changes if change.subject == subject and what in change.what]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("{value: premium}", "{value: premium, label: Premium}"),
        (", {value: premium}", ""),
        ("maximum: 1}", "exclusiveMaximum: 1}"),
        ("minimum: 0, maximum: 1", "minimum: 0.1, maximum: 0.9"),
        ("- {metric: nullValues, mustBeLessThan: 10, unit: percent}", "- {metric: nullValues, mustBe: 0}"),
        ("mustBeLessThan: 1,", "mustBeLessThan: 99,"),
        ("- name: tier", "- name: extra\n  logicalType: string\n- name: tier"),
        ("  physicalType: DOUBLE\n", "  physicalType: DOUBLE\n  required: true\n"),
    ],
)
def test_what_does_not(read_contract, old: str, new: str) -> None:
    before = read_contract(BASE)
    assert breaking_changes(before, read_contract(BASE.replace(old, new, 1))) == []


def test_masking_key_and_name(read_contract) -> None:
    personal = "- name: email\n  logicalType: string\n  classification: personal\n"
    masked = personal + "  customProperties: [{property: masking, value: %s}]\n"
    hashed = read_contract(masked % "hash")
    [change] = breaking_changes(hashed, read_contract(masked % "mask"))
    assert (change.subject, change.what) == ("email", "the masking changes from hash to mask")
    other = read_contract(masked % "hash", name="returns")
    [change] = breaking_changes(hashed, other)
    assert change.what == "the table is named shop.returns from now on"


def test_a_changed_key_is_named(read_contract) -> None:
    new = read_contract(BASE.replace("- name: tier", "- name: tier\n  primaryKey: true"))
    changes = breaking_changes(read_contract(BASE), new)
    assert ("orders", "the primary key changes from id to id, tier") in [(c.subject, c.what) for c in changes]


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (Bounds(), Bounds(1, 2), True),
        (Bounds(1, 2), Bounds(), False),
        (Bounds(1, 2), Bounds(1, 2), True),
        (Bounds(1, 2, excludes_lower=True), Bounds(1, 2), False),
        (Bounds(1, 2), Bounds(1, 2, excludes_lower=True, excludes_upper=True), True),
        (Bounds(1, 3), Bounds(1.5, 2), True),
        (Bounds(1, 3), Bounds(0, 2), False),
        (Bounds(1), Bounds(2), True),
        (Bounds(upper=3), Bounds(upper=4), False),
    ],
)
def test_bounds_within_bounds(outer: Bounds, inner: Bounds, expected: bool) -> None:
    assert outer.contains(inner) is expected
