"""Several programs at one host at once: one is one core there, and waits for one disk at a time."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vampd.errors import no_threads

_Result = TypeVar("_Result")


def all_at_once(calls: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """What these calls give, each made in a thread of its own but the only one.

    When all have ended, the error of the first that failed is raised; TransientError
    ``no_threads``.
    """
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(len(calls), "vampd-stream") as threads:
        try:
            running = [threads.submit(contextvars.copy_context().run, call) for call in calls]
        except RuntimeError as error:
            raise no_threads("sending several files at once", error) from error
    return [future.result() for future in running]
