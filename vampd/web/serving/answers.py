"""Answers that are kept: a page is made again only when the database, or the minute, is another.

What a page says of time (ages, when an attempt is due) is at most a minute old, and the page says
as of when.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response

# How old what a page says of time may be.
FRESH_S = 60.0
_MOST_BYTES = 4 << 20
_GZIP_LEVEL = 6
# Smaller ones fit into a packet or two as they are.
_WORTH_BYTES = 1024


@dataclass(frozen=True)
class Made:
    """A body with its type, and whatever headers it has of its own."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Kept:
    made: Made
    etag: str
    packed: bytes | None
    version: Hashable
    at: float

    @property
    def size(self) -> int:
        return len(self.made.body) + len(self.packed or b"")


class Answers:
    """Makes answers, one at a time, and keeps the last of them."""

    def __init__(
        self,
        version: Callable[[], Hashable],
        clock: Callable[[], float],
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._version = version
        self._clock = clock
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._size = 0
        self._making = asyncio.Lock()

    async def answer(
        self, key: Hashable, make: Callable[[float], Made], asked: Headers
    ) -> Response:
        """The answer of this key, made by ``make`` at a time (unix seconds) if it must be."""
        kept = self._current(key)
        if kept is None:
            async with self._making:
                # Whoever waited may find what they wait for.
                kept = self._current(key)
                if kept is None:
                    # First: a commit while it is made makes the next asker ask again.
                    version = self._version()
                    now = self._clock()
                    kept = await run_in_threadpool(_make, make, version, now)
                    self._keep(key, kept)
        return respond(kept.made, kept.etag, kept.packed, asked)

    def _current(self, key: Hashable) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or not self._is_current(kept, self._version()):
            return None
        self._kept.move_to_end(key)
        return kept

    def _is_current(self, kept: _Kept, version: Hashable) -> bool:
        return kept.version == version and 0 <= self._clock() - kept.at < FRESH_S

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        # Nobody gets the others any more.
        self._kept = OrderedDict(
            (old_key, old)
            for old_key, old in self._kept.items()
            if old_key != key and self._is_current(old, kept.version)
        )
        self._kept[key] = kept
        self._size = sum(one.size for one in self._kept.values())
        while self._size > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size


def _make(make: Callable[[float], Made], version: Hashable, now: float) -> _Kept:
    made = make(now)
    return _Kept(made, etag_of(made.body), pack(made.body), version, now)


def pack(body: bytes) -> bytes | None:
    """The body in gzip's form, None if that is not worth it."""
    if len(body) < _WORTH_BYTES:
        return None
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def etag_of(body: bytes) -> str:
    """What names these bytes."""
    return hashlib.sha256(body).hexdigest()[:24]


def respond(made: Made, etag: str, packed: bytes | None, asked: Headers) -> Response:
    """The answer as it was asked for: packed if that is understood, empty if it is known."""
    takes_gzip = packed is not None and _takes_gzip(asked.get("accept-encoding", ""))
    # Two forms of one page are two things to a cache.
    tag = f'"{etag}{"-gz" if takes_gzip else ""}"'
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding", **made.headers, "ETag": tag}
    if _is_known(asked.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if takes_gzip:
        headers["Content-Encoding"] = "gzip"
    body = packed if takes_gzip and packed is not None else made.body
    return Response(body, media_type=made.media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.split(","):
        coding, _, quality = part.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _is_known(tags: str, etag: str) -> bool:
    known = {
        tag.strip().removeprefix("W/").strip('"').removesuffix("-gz") for tag in tags.split(",")
    }
    return etag in known or tags.strip() == "*"
