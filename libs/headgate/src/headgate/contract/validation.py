"""A contract file held against the standard's keys and types, with errors in the words of the file."""

import difflib
from collections.abc import Sequence
from functools import cache

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headgate.contract import document as odcs
from headgate.contract.document import Document
from headgate.contract.source import Source
from headgate.errors import HeadgateError


def validate(source: Source) -> Document:
    """The document in a source.

    Raises:
        ContractError: an unknown or missing key, or a value of another type; the one nearest to the top of the file.
    """
    try:
        return Document.model_validate(source.content)
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda problem: source.line_of(problem["loc"]))
        raise _explain(problems, source) from None


def _explain(problems: Sequence[ErrorDetails], source: Source) -> HeadgateError:
    problem = problems[0]
    path = problem["loc"]
    # Where several types are allowed, each complains; the path ends with the type's name, which the file does not have.
    others = {source.shorten(other["loc"]) for other in problems if other["type"] != "missing"}
    count = len(others) + sum(other["type"] == "missing" for other in problems) - 1
    more = f" (and {count} more)" if count else ""
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _known_keys(), n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        return source.error(f"unknown key {path[-1]}{guess}{more}", "remove it, or mend its spelling", path)
    if problem["type"] == "missing":
        above = next((str(part) for part in reversed(path[:-1]) if isinstance(part, str)), "the contract")
        return source.error(f"{path[-1]} is missing in {above}{more}", f"add {path[-1]}", path)
    key = next((part for part in reversed(source.shorten(path)) if isinstance(part, str)), "the contract")
    given = problem.get("input")
    shown = "" if isinstance(given, dict | list) else f", not {given!r}"
    message = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return source.error(f"{key} should be {message}{shown}{more}", f"mend the value of {key}", path)


@cache
def _known_keys() -> list[str]:
    models = [kind for kind in vars(odcs).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return sorted({field.alias or name for kind in models for name, field in kind.model_fields.items()})
