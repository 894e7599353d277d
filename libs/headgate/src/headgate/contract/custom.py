"""Custom properties: what Headgate adds to the standard, as strict as the rest."""

from collections.abc import Mapping, Sequence

from headgate.contract.document import CustomProperty
from headgate.contract.source import KeyPath, Source


def read_custom(
    properties: Sequence[CustomProperty], known: Mapping[str, tuple[str | int, ...]], source: Source, path: KeyPath
) -> dict[str, str]:
    """The custom properties that Headgate knows; names that begin with `x-` are other people's and pass."""
    read: dict[str, str] = {}
    for index, custom in enumerate(properties):
        where = (*path, "customProperties", index)
        if custom.property.startswith("x-"):
            continue
        if custom.property not in known:
            names = " or ".join(known) or "none"
            raise source.error(
                f"unknown custom property {custom.property}",
                f"known here: {names}; names that begin with x- are left to other tools",
                where,
            )
        if custom.property in read:
            raise source.error(f"{custom.property} is given twice", "keep one", where)
        if custom.value not in known[custom.property]:
            choices = ", ".join(str(choice) for choice in known[custom.property])
            raise source.error(
                f"{custom.property}: {custom.value!r} is not one of {choices}", f"write one of {choices}", where
            )
        read[custom.property] = str(next(choice for choice in known[custom.property] if choice == custom.value))
    return read
