"""A probe of the root between hosts: one asks, and holds a name and a lock, the others try both.

Probes do not disturb each other: each has names of its own.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vampd.disk.durable import create_file, link, make_folder, names_in, rename, unlink
from vampd.disk.leased import place_small_file, read_small_file
from vampd.disk.machine import clock_ahead_s, find_mount, space_at
from vampd.disk.reading import open_unlinked
from vampd.errors import TransientError
from vampd.model.roll_call import (
    LONGEST_PROBE_BYTES,
    PROBE_IS_OVER_AFTER_S,
    ROLL_CALL_FOLDER,
    Answer,
    Fault,
    answer_name,
    format_answer,
    held_name,
    is_of_probe,
    parse_answer,
    question_name,
    questions_in,
    tried_name,
)

_LOOK_S = 0.25


def ask_hosts(
    root: Path,
    hosts: Collection[str],
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Answer]:
    """What these hosts find, by name; those that do not answer in time are left out. OSError.

    Others may ask at the same time.
    """
    folder = root / ROLL_CALL_FOLDER
    make_folder(folder)
    token = secrets.token_hex(8)
    found: dict[str, Answer] = {}
    with _swept(folder, token), create_file(folder / held_name(token)) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        deadline = clock() + within_s
        while True:
            # Again with each look: who changes a folder itself sees what others have put there.
            place_small_file(folder / question_name(token), b"")
            for host in set(hosts) - found.keys():
                read = read_small_file(folder / answer_name(token, host), LONGEST_PROBE_BYTES)
                answer = None if read is None else parse_answer(read[0])
                if answer is not None and (answer.token, answer.host) == (token, host):
                    found[host] = answer
            if found.keys() >= set(hosts) or clock() >= deadline:
                return found
            time.sleep(_LOOK_S)


@contextmanager
def _swept(folder: Path, token: str) -> Iterator[None]:
    """Without what killed probes left, and afterwards without what is of this one."""
    _sweep_old(folder)
    try:
        yield
    finally:
        _remove(folder, (name for name in names_in(folder) if is_of_probe(name, token)))


def _sweep_old(folder: Path) -> None:
    now = time.time() + clock_ahead_s(folder)
    old = []
    for name in names_in(folder):
        if is_of_probe(name):
            with suppress(FileNotFoundError):
                if now - os.lstat(folder / name).st_mtime > PROBE_IS_OVER_AFTER_S:
                    old.append(name)
    _remove(folder, old)


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            unlink(folder / name)


class Answering:
    """A host's side; `look` answers each question once."""

    def __init__(self, root: Path, host: str) -> None:
        self._root, self._host = root, host
        self._answered: frozenset[str] = frozenset()

    def look(self) -> None:
        """Answer what is new, and take away answers to what is asked no more. OSError."""
        folder = self._root / ROLL_CALL_FOLDER
        asked = questions_in(names_in(folder))
        new, over = asked - self._answered, self._answered - asked
        self._answered = asked
        _remove(folder, (answer_name(token, self._host) for token in over))
        for token in sorted(new):
            answer = self._answer(token)
            place_small_file(folder / answer_name(token, self._host), format_answer(answer))

    def _answer(self, token: str) -> Answer:
        folder = self._root / ROLL_CALL_FOLDER
        _, kind, options = find_mount(self._root)
        return Answer(
            token,
            self._host,
            kind,
            options,
            space_at(self._root).free_bytes,
            clock_ahead_s(folder),
            tuple(_faults(folder, token, self._host)),
        )


def _faults(folder: Path, token: str, host: str) -> Iterator[Fault]:
    held = folder / held_name(token)
    one, two, linked = (folder / tried_name(token, host, each) for each in ("one", "two", "linked"))
    try:
        for path in (one, two):
            with create_file(path) as file:
                file.write(path.name.encode())
        yield from _link_faults(one, linked, held)
        yield from _rename_faults(one, two)
        yield from _lock_faults(held)
    finally:
        _remove(folder, (path.name for path in (one, two, linked)))


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
