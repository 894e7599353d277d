"""How many threads a model may take."""

from contextlib import AbstractContextManager

MAX_THREADS = 1
"""Runs of several teams share the machine. OpenMP's threads spin while they wait for each other: on two processors that
were busy with other work, two threads took 60 s for a back-test that one thread did in 14."""


def limit_threads() -> AbstractContextManager[object]:
    """Limits OpenMP and BLAS to `MAX_THREADS` inside the block."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=MAX_THREADS)
    return limits
