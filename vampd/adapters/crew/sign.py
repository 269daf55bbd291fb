"""The sign that a host packs for a daemon elsewhere: replaced as long as the host lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vampd.disk.durable import names_in
from vampd.disk.leased import place_small_file, read_small_file
from vampd.log import get_log
from vampd.model.roll_call import (
    LONGEST_SIGN_BYTES,
    MOST_HOSTS,
    ROLL_CALL_FOLDER,
    SIGN_EVERY_S,
    CrewMember,
    format_sign,
    parse_sign,
)

_log = get_log()


def read_signs(root: Path) -> list[tuple[CrewMember, float]]:
    """All hosts that have a sign, and when each was written, by the clock of the file server.

    OSError if the folder cannot be listed.
    """
    found = []
    # Names with a dot are of probes, and of signs that are being placed.
    names = [name for name in names_in(root / ROLL_CALL_FOLDER) if not name.startswith(".")]
    for name in names[:MOST_HOSTS]:
        read = read_small_file(root / ROLL_CALL_FOLDER / name, LONGEST_SIGN_BYTES)
        member = None if read is None else parse_sign(read[0])
        if read is not None and member is not None and name == f"{member.host}.json":
            found.append((member, read[1]))
    return found


class HostSign:
    """``tell`` says of a beat what the host is; a thread writes it from `start` to `close`.

    It calls ``besides`` after each, and does neither while it is not due.
    """

    def __init__(
        self,
        root: Path,
        tell: Callable[[int], CrewMember],
        besides: Callable[[], None] = lambda: None,
        is_due: Callable[[], bool] = lambda: True,
    ) -> None:
        self._root, self._tell, self._besides, self._is_due = root, tell, besides, is_due
        self._beat = 0
        self._said = ""
        self._path: Path | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vampd-crew-sign", daemon=True)

    def start(self) -> None:
        """Show it from now on."""
        self._thread.start()

    def close(self) -> None:
        """Take it away."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(SIGN_EVERY_S)
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def show(self) -> None:
        """Write the next beat. OSError: the daemon, which makes the folder, was never here."""
        self._beat += 1
        member = self._tell(self._beat)
        path = self._root / ROLL_CALL_FOLDER / f"{member.host}.json"
        place_small_file(path, format_sign(member))
        self._path = path

    def _keep(self) -> None:
        while not self._closed.is_set():
            said = ""
            try:
                if self._is_due():
                    self.show()
                    self._besides()
            except Exception as error:  # noqa: BLE001 - the host would get no order any more
                said = str(error)
            if said and said != self._said:
                _log.warning("crew.sign_refused", error=said)
            self._said = said
            self._closed.wait(SIGN_EVERY_S)
