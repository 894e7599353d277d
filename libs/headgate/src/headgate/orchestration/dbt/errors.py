"""What can go wrong with a team's dbt project, as people read it."""

from headgate.errors import HeadgateError


class DbtError(HeadgateError):
    """A dbt project that cannot be read, or a model, seed, snapshot or test that failed."""

    exit_code = 1
