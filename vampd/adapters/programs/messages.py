"""What a program writes to standard error: all of it is read, and little of it is kept."""

from __future__ import annotations

from vampd.adapters.programs.cause import shows_cause

_FIRST_BYTES = 1 << 12
_LAST_BYTES = 1 << 13
_CAUSE_BYTES = 1 << 11
_LONGEST_LINE = 1 << 10


class Messages:
    """The first lines, the lines in between that show a cause, and the last ones."""

    def __init__(self) -> None:
        self._first = bytearray()
        self._causes = bytearray()
        self._last = bytearray()
        # Of what is neither among the first nor the last: the line that is not whole yet.
        self._line = bytearray()
        self._is_cut = False

    def add(self, chunk: bytes) -> None:
        """Take what the program wrote next."""
        room = _FIRST_BYTES - len(self._first)
        self._first += chunk[:room]
        self._last += chunk[max(room, 0) :]
        excess = len(self._last) - _LAST_BYTES
        if excess > 0:
            if not self._is_cut:
                self._is_cut = True
                # Its last line may go on in what is passed now.
                self._line += self._first.rpartition(b"\n")[2][-_LONGEST_LINE:]
            self._pass(bytes(self._last[:excess]))
            del self._last[:excess]

    @property
    def text(self) -> str:
        """What is kept, at most 16 KiB."""
        between = b"\n" + self._causes + b"...\n" + self._line if self._is_cut else b""
        return (self._first + between + self._last).decode("utf-8", "replace")

    def _pass(self, content: bytes) -> None:
        *whole, rest = content.replace(b"\r", b"\n").split(b"\n")
        for part in whole:
            line = bytes(self._line + part)[:_LONGEST_LINE]
            self._line.clear()
            room = _CAUSE_BYTES - len(self._causes)
            if room > 0 and shows_cause(line.decode("utf-8", "replace")):
                self._causes += line[:room] + b"\n"
        self._line += rest[: _LONGEST_LINE - len(self._line)]
