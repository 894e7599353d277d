"""A quality rule's operator as a threshold."""

from headgate.contract.document import Quality
from headgate.contract.model import Operator, Threshold
from headgate.contract.source import KeyPath, Source

_OPERATORS: dict[str, Operator] = {
    "mustBe": "=",
    "mustNotBe": "!=",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not between",
}


def read_threshold(quality: Quality, source: Source, path: KeyPath) -> Threshold:
    """What a rule's measured value is held against.

    Raises:
        ContractError: no operator or several, bounds in the wrong order, no percentage, text where a count is measured.
    """
    given = [key for key in _OPERATORS if key in quality.model_fields_set]
    if len(given) != 1:
        what = f"the rule has {' and '.join(given)}" if given else "the rule says nothing its value must be"
        raise source.error(what, "give it exactly one operator, such as mustBe: 0", path)
    key = given[0]
    value = getattr(quality, key)
    where = (*path, key)
    is_percent = quality.unit == "percent"
    if is_percent and quality.metric not in ("nullValues", "missingValues", "invalidValues"):
        raise source.error(
            "unit: percent has no meaning for this rule",
            "use it with nullValues, missingValues or invalidValues",
            (*path, "unit"),
        )
    bounds = value if isinstance(value, list) else [value]
    if value is None or (isinstance(value, list) and (len(value) != 2 or value[0] >= value[1])):
        raise source.error(f"{key}: {value} is no pair of bounds", "write [lower, upper]", where)
    if quality.type != "sql" and any(isinstance(bound, bool | str) for bound in bounds):
        raise source.error(f"{key}: {value!r} is not a number, and the rule measures a count", "write a number", where)
    if is_percent and any(not 0 <= bound <= 100 for bound in bounds):
        raise source.error(f"{key}: {value} is not a percentage", "write a number from 0 to 100", where)
    if isinstance(value, list):
        return Threshold(_OPERATORS[key], value[0], value[1], is_percent=is_percent)
    return Threshold(_OPERATORS[key], value, is_percent=is_percent)
