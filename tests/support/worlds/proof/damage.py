"""Faults of files: what a disk, a person or another program does to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path


class Fault(StrEnum):
    """What happens to a file."""

    FLIP = "a bit is flipped"
    ROT = "a bit is flipped, size and time stay"
    TRUNCATE = "its end is gone"
    EXTEND = "something is appended"
    ZERO = "a block is zeroed"
    EMPTY = "it is emptied"
    DELETE = "it is deleted"
    SWAP = "it changes places with another"
    CARD = "a header card or a line is changed"
    LINE_GONE = "a line or a card is gone"
    OLDER = "it is replaced by what it was in an earlier life"
    RENAME = "it has another name"
    EXTRA = "another file lies beside it"
    FORBID = "nobody may read it"
    LINK = "a link to a copy is in its place"


# Those that need nothing but the file, and another of the same night.
BASIC = tuple(Fault)[: tuple(Fault).index(Fault.OLDER)]

_BLOCK = 512


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _zero(content: bytes) -> bytes:
    middle = len(content) // 2
    zeroed = content[:middle] + bytes(len(content[middle : middle + _BLOCK]))
    changed = zeroed + content[middle + _BLOCK :]
    return changed if changed != content else _flip(content)


def _change_card(content: bytes) -> bytes:
    """Another letter where a person reads: in the last card with a comment, or the last line."""
    at = content.rfind(b" / ", 0, 40_000) + 3 if b" / " in content[:40_000] else len(content) - 2
    return content[:at] + (b"x" if content[at : at + 1] != b"x" else b"y") + content[at + 1 :]


def _drop_line(content: bytes) -> bytes:
    if content.startswith(b"SIMPLE"):
        return content[:800] + content[880:2880] + b" " * 80 + content[2880:]
    lines = content.splitlines(keepends=True)
    return b"".join(lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :])


_CHANGES: Mapping[Fault, Callable[[bytes], bytes]] = {
    Fault.FLIP: _flip,
    Fault.ROT: _flip,
    Fault.TRUNCATE: lambda content: content[: len(content) * 2 // 3],
    Fault.EXTEND: lambda content: content + b"\n1 more\n",
    Fault.ZERO: _zero,
    Fault.EMPTY: lambda _: b"",
    Fault.CARD: _change_card,
    Fault.LINE_GONE: _drop_line,
}


def rot_every_frame(path: Path) -> None:
    """Flip a bit in each frame of a raw cube, of 4 KiB or more, with size and mtime kept."""
    content, before = bytearray(path.read_bytes()), path.stat()
    cards = range(0, len(content), 80)
    end = next(at for at in cards if content[at : at + 80] == b"END".ljust(80))
    for at in range((end // 2880 + 1) * 2880, len(content), 4096):
        content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def inflict(fault: Fault, path: Path, other: Path | None = None) -> None:
    """Let this happen to a file. Only ROT keeps the mtime.

    ``other`` is the file that it changes places with, or what it was earlier. An empty file, which
    has nothing to lose, is extended.
    """
    match fault:
        case Fault.DELETE:
            path.unlink()
        case Fault.RENAME:
            path.rename(path.with_name(f"{path.name}.renamed"))
        case Fault.EXTRA:
            path.with_name(f"extra {path.name}").write_bytes(b"nobody's")
        case Fault.FORBID:
            path.chmod(0)
        case Fault.LINK:
            path.rename(path.with_name(f".{path.name}.linked"))
            path.symlink_to(f".{path.name}.linked")
        case Fault.SWAP if other is not None:
            aside = path.with_name(f"{path.name}.aside")
            path.rename(aside)
            other.rename(path)
            aside.rename(other)
        case Fault.OLDER if other is not None:
            shutil.copyfile(other, path)
        case _:
            _change(fault, path)


def _change(fault: Fault, path: Path) -> None:
    before = path.stat()
    content = path.read_bytes()
    changed = _CHANGES[fault](content) if content and fault in _CHANGES else content
    path.write_bytes(changed if changed != content else content + b"\n1 more\n")
    # A clock that stands still within a test must not make this a silent change.
    mtime_ns = before.st_mtime_ns + (0 if fault is Fault.ROT else 1_000_000)
    os.utime(path, ns=(before.st_atime_ns, mtime_ns))
