"""The one error of this package."""

from headgate.errors import HeadgateError


class FeatureError(HeadgateError):
    """A feature cannot be computed from what was given."""
