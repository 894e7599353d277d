"""The error a person can meet: what happened, where, and what to do next."""


class AcmeError(Exception):
    """Three lines a person reads; `exit_code` is 2 for usage and environment, 1 for work that failed."""

    def __init__(self, what: str, *, where: str, next_step: str, exit_code: int = 2) -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        self.exit_code = exit_code
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  next:  {self.next_step}"
