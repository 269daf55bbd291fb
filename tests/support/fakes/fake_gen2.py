"""Gen2 as vampd meets it: a package `g2base`, a remote object, and an answer file that is not ours.

    with running_gen2(tmp_path, monkeypatch) as gen2:
        gen2.behaviour = Behaviour.SLOW
        Gen2Authority(tmp_path / "answers", gen2.answer, ...).grant(3, None)

The real call is made by a process of its own; it meets the package that `running_gen2` puts on its
path, which hands the call to a thread of the test. That thread answers as Gen2 does: by a file in a
sticky folder, of another user where the test may make one, with or without a last line end.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

_NOBODY = 65534
# The frame types: raw, and engineering as Gen2 takes it.
_KINDS = ("A", ["A9"])
# Whose file the answer is.
WRITER = str(os.geteuid() or _NOBODY)
_PACKAGE = """
import json, os, pathlib, time, uuid

class remoteObjectError(Exception):
    pass

_hosts = []

def init(*hosts):
    _hosts.append(hosts)

def getns():
    return remoteObjectProxy("names")

class remoteObjectProxy:
    def __init__(self, name):
        if not _hosts:
            raise remoteObjectError("init() comes first")
        self._name = name

    def __getattr__(self, method):
        return lambda *args: self._call(method, args)

    def _call(self, method, args):
        desk = pathlib.Path(os.environ["FAKE_GEN2"])
        name = uuid.uuid4().hex
        draft = desk / (name + ".draft")
        draft.write_text(json.dumps([self._name, _hosts, method, args]))
        draft.rename(desk / (name + ".call"))
        while not (desk / (name + ".reply")).exists():
            time.sleep(0.005)
        fault, result = json.loads((desk / (name + ".reply")).read_text())
        if fault:
            raise remoteObjectError(fault)
        return result
"""


class Behaviour(StrEnum):
    """How Gen2 answers."""

    PROMPT = "prompt"
    SLOW = "slow"  # the call returns, the file comes later
    IN_PARTS = "in parts"  # the file grows before one's eyes
    SILENT = "silent"  # the call returns, no file
    HANGING = "hanging"  # the call does not return
    DOWN = "down"  # the call raises
    TOUCHING = "touching"  # the old answer with a new time
    SHORT = "short"
    LONG = "long"
    REPEATED = "repeated"
    FALLING = "falling"
    WITH_A_GAP = "with a gap"
    GARBAGE = "garbage"
    HALF_WRITTEN = "half written"  # and never ended
    REPLACED = "replaced"  # another client's answer comes into the same file
    REPEATING = "repeating"  # the library's connection broke: one call, three grants
    FAULTY = "faulty"  # a fault of the server: its traceback, the cause first
    UNKNOWN = "unknown"  # the name service runs, the instrument does not
    UNREACHED = "unreached"  # not even the name service answers
    RESTARTED = "restarted"  # it counts from one again
    ALIEN = "alien"  # IDs of another instrument
    UNICODE = "unicode"  # digits of other scripts, and what is no text
    ENDLESS = "endless"  # more than any night needs
    ODD = "odd"  # no list of IDs at all: what `odd` is


_FAULT = """division by zero
Traceback (most recent call last):
  File "frames.py", line 12, in getFrames
    raise ZeroDivisionError
"""


class FakeGen2:
    """The observatory: it never gives a number twice and remembers all that it gave."""

    def __init__(self, folder: Path, first: int) -> None:
        self.mail_context = folder / "desk"
        self.mail_context.mkdir(parents=True)
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        self.tmp.chmod(stat.S_ISVTX | 0o777)
        self.answer = self.tmp / "frames_VMPA.txt"
        # What was written there last.
        self.written = b""
        self.behaviour = Behaviour.PROMPT
        self.last_newline = True
        self.delay_s = 0.3
        self.next = first
        self.odd: Any = None
        self.given: list[str] = []
        self.calls: list[Any] = []
        self._late: list[threading.Thread] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-gen2")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.wait_for_late()

    @property
    def asked(self) -> list[Any]:
        """The calls that ask for IDs; the others only look names up."""
        return [call for call in self.calls if call[0] != "names"]

    def wait_for_late(self) -> None:
        """Until what was to come late has come."""
        for thread in self._late:
            thread.join()

    def write(self, lines: list[str], end: str | None = None) -> None:
        """Write the answer file in place, as somebody else."""
        self._put("\n".join(lines) + (("\n" if self.last_newline else "") if end is None else end))

    def _put(self, text: str, mode: str = "w") -> None:
        with self.answer.open(mode) as file:
            file.write(text)
        self.written = self.answer.read_bytes()
        if os.geteuid() == 0:
            os.chown(self.answer, _NOBODY, _NOBODY)
        self.answer.chmod(0o644)

    def _serve(self) -> None:
        while not self._stop.is_set():
            for call in sorted(self.mail_context.glob("*.call")):
                words = json.loads(call.read_text())
                call.unlink()
                self.calls.append(words)
                reply = self._take(words)
                if reply is not None:
                    draft = call.with_suffix(".said")
                    draft.write_text(json.dumps(reply))
                    draft.rename(call.with_suffix(".reply"))
            time.sleep(0.005)

    def _take(self, words: Any) -> tuple[str, Any] | None:
        """The fault and the result of a call; None for a call that does not return."""
        name, hosts, method, args = words
        if not (hosts and hosts[0] and hosts[0][0]):
            return "no name service is on this machine", None
        if self.behaviour is Behaviour.UNREACHED:
            return None
        if self.behaviour is Behaviour.DOWN:
            return "VAMPIRES is not registered", None
        if self.behaviour is Behaviour.FAULTY:
            return _FAULT, None
        match name, method, args:
            case "names", "ro_echo", [value]:
                return "", value
            case "names", "getHosts", ["VAMPIRES" | "frames"]:
                return "", [] if self.behaviour is Behaviour.UNKNOWN else [["g2ins1", 9000]]
            case "frames", "getFrames", ["VAMPIRES", kind, count] if kind in _KINDS:
                return self._return_frames(kind, count)
            case "VAMPIRES", "executeCmd", ["VAMPIRES", "foo", "get_frames", kind, {"num": count}]:
                return self._write_frames(kind, count)
            case _:
                return f"not a call of Gen2: {words}", None

    def _return_frames(self, kind: Any, count: int) -> tuple[str, Any] | None:
        match self.behaviour:
            case Behaviour.SILENT:
                return "", [1, "no such instrument"]
            case Behaviour.ODD:
                return "", self.odd
            case Behaviour.HANGING:
                self.next += count
                return None
            case _:
                return "", [0, self._granted(count, kind)]

    def _write_frames(self, kind: Any, count: int) -> tuple[str, Any] | None:
        self.answer = self.tmp / ("frames_VMPA.txt" if kind == "A" else "frames_VMPA9.txt")
        match self.behaviour:
            case Behaviour.SILENT:
                # The instrument's process cannot write: what it was granted is on no record.
                self.next += count
            case Behaviour.TOUCHING:
                os.utime(self.answer)
            case Behaviour.GARBAGE:
                self.write(["<html>", "503 \x1b[31mno frames\x00", "</html>"])
            case _:
                for _ in range(3 if self.behaviour is Behaviour.REPEATING else 1):
                    self._grant(count, kind)
        return None if self.behaviour is Behaviour.HANGING else ("", 0)

    def _next_lines(self, count: int, kind: Any) -> list[str]:
        base = 0 if kind == "A" else 90_000_000
        lines = [f"VMPA{base + number:08d}" for number in range(self.next, self.next + count)]
        self.next += count
        self.given += lines
        return lines

    def _granted(self, count: int, kind: Any) -> list[str]:
        """The lines of an answer, right or not."""
        if self.behaviour is Behaviour.RESTARTED:
            self.next = 1
        lines = self._next_lines(count, kind)
        del self.given[len(self.given) - count :]
        match self.behaviour:
            case Behaviour.ALIEN:
                lines = [line.replace("VMPA", "HSCA") for line in lines]
            case Behaviour.UNICODE:
                wide = lines[0].translate({ord("0") + n: 0xFF10 + n for n in range(10)})
                lines = [wide, f"{lines[1]}\u2028", "\ud800"]
            case Behaviour.ENDLESS:
                lines = lines * 200_000
            case Behaviour.SHORT:
                lines = lines[:-1]
            case Behaviour.LONG:
                lines.append(f"VMPA{self.next:08d}")
                self.next += 1
            case Behaviour.REPEATED:
                lines[-1] = lines[0]
            case Behaviour.FALLING:
                lines.reverse()
            case Behaviour.WITH_A_GAP:
                lines[-1] = f"VMPA{self.next:08d}"
                self.next += 1
            case Behaviour.GARBAGE:
                lines = ["<html>", "503 \x1b[31mno frames\x00", "</html>"]
            case _:
                pass
        self.given += lines
        return lines

    def _grant(self, count: int, kind: Any) -> None:
        lines = self._granted(count, kind)
        match self.behaviour:
            case Behaviour.HANGING:
                pass
            case Behaviour.SLOW:
                self._later(lambda: self.write(lines))
            case Behaviour.IN_PARTS:
                text = "\n".join(lines)
                self._put(text[:-5])
                self._later(lambda: self._put(text[-5:], "a"))
            case Behaviour.REPLACED:
                self.write(lines)
                self._later(lambda: self.write(self._next_lines(count, kind)))
            case Behaviour.HALF_WRITTEN:
                self._put("\n".join(lines)[:-5])
            case _:
                self.write(lines)

    def _later(self, act: Any) -> None:
        def wait() -> None:
            time.sleep(self.delay_s)
            act()

        self._late.append(threading.Thread(target=wait))
        self._late[-1].start()


@contextmanager
def running_gen2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, first: int = 425_001
) -> Iterator[FakeGen2]:
    """A Gen2 that processes started from here can call through `g2base`."""
    package = folder / "site" / "g2base" / "remoteObjects"
    package.mkdir(parents=True)
    for init in (package.parent / "__init__.py", package / "__init__.py"):
        init.touch()
    (package / "remoteObjects.py").write_text(_PACKAGE)
    gen2 = FakeGen2(folder, first)
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    monkeypatch.setenv("FAKE_GEN2", str(gen2.mail_context))
    try:
        yield gen2
    finally:
        gen2.close()
