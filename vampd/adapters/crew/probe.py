"""A probe of the root between hosts: one asks, and holds a name and a lock, the others try both."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vampd.disk.durable import create_file, link, make_folder, names_in, rename, unlink
from vampd.disk.leased import place_small_file, read_small_file
from vampd.disk.machine import clock_ahead_s, find_mount, space_at
from vampd.disk.reading import open_unlinked
from vampd.errors import TransientError
from vampd.model.roll_call import (
    HELD_PATH,
    LONGEST_PROBE_BYTES,
    QUESTION_PATH,
    ROLL_CALL_FOLDER,
    Answer,
    Fault,
    answer_path,
    format_answer,
    format_question,
    parse_answer,
    parse_question,
)

_LOOK_S = 0.1


def ask_hosts(
    root: Path,
    hosts: Collection[str],
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Answer]:
    """What these hosts find, by name; those that do not answer in time are left out. OSError."""
    folder = root / ROLL_CALL_FOLDER
    make_folder(folder)
    found: dict[str, Answer] = {}
    with _swept(folder), create_file(root / HELD_PATH) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        token = secrets.token_hex(8)
        place_small_file(root / QUESTION_PATH, format_question(token))
        deadline = clock() + within_s
        while found.keys() < set(hosts) and clock() < deadline:
            for host in set(hosts) - found.keys():
                read = read_small_file(root / answer_path(host), LONGEST_PROBE_BYTES)
                answer = None if read is None else parse_answer(read[0])
                if answer is not None and (answer.token, answer.host) == (token, host):
                    found[host] = answer
            time.sleep(_LOOK_S)
    return found


@contextmanager
def _swept(folder: Path) -> Iterator[None]:
    """Without what another probe left, before and after."""
    _sweep(folder)
    try:
        yield
    finally:
        _sweep(folder)


def _sweep(folder: Path) -> None:
    for name in names_in(folder):
        if name.startswith(Path(QUESTION_PATH).name):
            with suppress(FileNotFoundError):
                unlink(folder / name)


class Answering:
    """A host's side; `look` answers each question once."""

    def __init__(self, root: Path, host: str) -> None:
        self._root, self._host = root, host
        self._answered = ""

    def look(self) -> None:
        """Answer a question that is new. OSError."""
        read = read_small_file(self._root / QUESTION_PATH, LONGEST_PROBE_BYTES)
        token = None if read is None else parse_question(read[0])
        if token is None or token == self._answered:
            return
        self._answered = token
        _, kind, options = find_mount(self._root)
        folder = self._root / ROLL_CALL_FOLDER
        answer = Answer(
            token,
            self._host,
            kind,
            options,
            space_at(self._root).free_bytes,
            clock_ahead_s(folder),
            tuple(_faults(self._root, f".probe-{self._host}")),
        )
        place_small_file(self._root / answer_path(self._host), format_answer(answer))


def _faults(root: Path, name: str) -> Iterator[Fault]:
    folder, held = root / ROLL_CALL_FOLDER, root / HELD_PATH
    one, two = folder / f"{name}.one", folder / f"{name}.two"
    try:
        for path in (one, two):
            with create_file(path) as file:
                file.write(path.name.encode())
        yield from _link_faults(one, folder / f"{name}.linked", held)
        yield from _rename_faults(one, two)
        yield from _lock_faults(held)
    finally:
        for path in (one, two, folder / f"{name}.linked"):
            with suppress(FileNotFoundError):
                unlink(path)


def _link_faults(file: Path, free: Path, taken: Path) -> Iterator[Fault]:
    try:
        link(file, free)
    except (OSError, TransientError):
        yield Fault.NO_LINK
        return
    try:
        link(file, taken)
    except FileExistsError:
        return
    yield Fault.LINK_OVERWRITES


def _rename_faults(old: Path, new: Path) -> Iterator[Fault]:
    wanted = os.lstat(old).st_ino
    try:
        rename(old, new)
        replaced = os.lstat(new).st_ino == wanted and not os.path.lexists(old)
    except OSError:
        replaced = False
    if not replaced:
        yield Fault.NO_RENAME


def _lock_faults(held: Path) -> Iterator[Fault]:
    # For writing: NFS locks nothing else.
    with open(open_unlinked(held, os.O_RDWR), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:
            yield Fault.NO_LOCK
        else:
            yield Fault.LOCK_UNSEEN
