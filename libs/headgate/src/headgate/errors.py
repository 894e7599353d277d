"""The one shape of every error a person can meet. Package-specific classes live beside the code that raises them."""


class HeadgateError(Exception):
    """What happened, where, and what to do next: the three lines a person reads.

    Args:
        what: what happened, one sentence.
        where: file and line, table, asset, URL without credentials.
        next_step: what to do next, an instruction.
    """

    def __init__(self, what: str, *, where: str, next_step: str) -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  next:  {self.next_step}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.next_step)


def _rebuild(kind: type[HeadgateError], what: str, where: str, next_step: str) -> HeadgateError:
    return kind(what, where=where, next_step=next_step)
