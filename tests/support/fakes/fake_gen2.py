"""Gen2 as vampd meets it: a package `g2base`, a remote object, and an answer file that is not ours.

    with running_gen2(tmp_path, monkeypatch) as gen2:
        gen2.behaviour = Behaviour.SLOW
        Gen2Authority(tmp_path / "answers", gen2.answer, ...).grant(3, None)

The real call is made by a process of its own; it meets the package that `running_gen2` puts on its
path, which asks a server of the test by XML-RPC, and asks again where a connection broke, as the
real one does. That server answers as Gen2 does: by a file in a sticky folder, of another user where
the test may make one, with or without a last line end.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

_NOBODY = 65534
# The frame types: raw, and engineering as Gen2 takes it.
_KINDS = ("A", ["A9"])
# Whose file the answer is.
WRITER = str(os.geteuid() or _NOBODY)
_PACKAGE = """
import json, os, urllib.parse, xmlrpc.client

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
        about = urllib.parse.quote(json.dumps([self._name, _hosts]), safe="")
        url = os.environ["FAKE_GEN2"] + "/" + about
        failed = f"Method call {self._name}.{method} failed to g2ins1:9000: "
        for _ in range(2):
            proxy = xmlrpc.client.ServerProxy(url, allow_none=True)
            try:
                fault, result = getattr(proxy, method)(*args)
                break
            except OSError as error:
                words = str(error)
            except Exception as error:
                raise remoteObjectError(f"{failed}{error}\\n  File ...")
        else:
            raise remoteObjectError(failed + words)
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
    BREAKING = "breaking"  # it grants, and the connection ends without an answer
    BROKEN_ONCE = "broken once"  # the same, for the first request of a call
    FAILING = "failing"  # XML-RPC's fault, when it is asked for IDs
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


_XML_FAULT = ("fault", None)


class FakeGen2:
    """The observatory: it never gives a number twice and remembers all that it gave."""

    def __init__(self, folder: Path, first: int) -> None:
        self.tmp = folder / "tmp"
        self.tmp.mkdir(parents=True)
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
        self._lock = threading.Lock()
        self._server = _make_server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
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

    def answer_request(self, words: Any) -> bytes | None:
        """The body of the reply; None for a connection that ends without one."""
        with self._lock:
            self.calls.append(words)
            reply = self._take(words)
            breaks = words[0] != "names" and self.behaviour in (
                Behaviour.BREAKING,
                Behaviour.BROKEN_ONCE,
            )
            if self.behaviour is Behaviour.BROKEN_ONCE and breaks:
                self.behaviour = Behaviour.PROMPT
        if breaks:
            return None
        if reply is None:
            self._stop.wait()
            return None
        if reply == _XML_FAULT:
            text = xmlrpc.client.dumps(xmlrpc.client.Fault(1, "ValueError: no such instrument"))
        else:
            text = xmlrpc.client.dumps((reply,), methodresponse=True, allow_none=True)
        return text.encode("utf-8", "xmlcharrefreplace")

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
        if self.behaviour is Behaviour.FAILING and name != "names":
            return _XML_FAULT
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
            case Behaviour.HANGING | Behaviour.BREAKING | Behaviour.BROKEN_ONCE:
                self.next += count
                return None
            case _:
                return "", [0, self._granted(count, kind)]

    def _write_frames(self, kind: Any, count: int) -> tuple[str, Any] | None:
        self.answer = self.tmp / ("frames_VMPA.txt" if kind == "A" else "frames_VMPA9.txt")
        match self.behaviour:
            case Behaviour.SILENT | Behaviour.BREAKING | Behaviour.BROKEN_ONCE:
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
                lines = lines * 120_000
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


def _make_server(gen2: FakeGen2) -> ThreadingHTTPServer:
    """Where the package's requests go: the path of each tells whom and which hosts it asks."""

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            args, method = xmlrpc.client.loads(body)
            name, hosts = json.loads(unquote(self.path.removeprefix("/")))
            reply = gen2.answer_request([name, hosts, method, list(args)])
            if reply is None:
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *words: Any) -> None:
            """Nothing goes to the terminal."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was ended reads no reply."""

    return Server(("127.0.0.1", 0), Requests)


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
    monkeypatch.setenv("FAKE_GEN2", gen2.url)
    try:
        yield gen2
    finally:
        gen2.close()
