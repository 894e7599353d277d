"""What goes wrong with sources, whatever they speak."""

from headgate.errors import HeadgateError

UNCHANGED = "what was landed and published stays as it is"


class SourceError(HeadgateError):
    """A source is down, refuses us, or no longer has the shape we rely on."""
