"""How many threads a model may take: several runs share a machine, and small data gains nothing from more."""

import os
from contextlib import AbstractContextManager

MAX_THREADS = 1


def limit_threads() -> AbstractContextManager[object]:
    """Limits OpenMP and BLAS inside the block to four threads, or to the processors there are."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=min(MAX_THREADS, os.cpu_count() or 1))
