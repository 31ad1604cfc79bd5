"""Linear algebra on one thread: the same digits on every machine, and no threads that wait for each other on a busy one."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_thread() -> AbstractContextManager[object]:
    """Let BLAS work on one thread meanwhile: for problems of a few parameters, its threads cost ten times the work where cores are busy."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
