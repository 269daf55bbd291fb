"""Several copies to one host at once.

One connection is one cipher on one core at each end, and waits for one disk at a time: a fast link
needs several. Each has a folder of partial files of its own, for two rsyncs would remove each
other's.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vampd.errors import no_threads

_Result = TypeVar("_Result")
# A connection costs a tenth of a second and more.
WORTH_BYTES = 64_000_000


def split(sizes: Mapping[str, int], streams: int, worth_bytes: int) -> list[tuple[str, ...]]:
    """At most so many parts of these files, of about as many bytes, each in the order given.

    There are fewer where the parts would have less than ``worth_bytes``; none is empty.
    """
    parts = max(1, min(streams, len(sizes), sum(sizes.values()) // max(worth_bytes, 1)))
    chosen: list[list[str]] = [[] for _ in range(parts)]
    loads = [0] * parts
    for path, size in sizes.items():
        # Of equal ones the one with fewest files: files of no bytes are spread too.
        least = min(range(parts), key=lambda part: (loads[part], len(chosen[part])))
        chosen[least].append(path)
        loads[least] += size
    return [tuple(part) for part in chosen if part]


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
