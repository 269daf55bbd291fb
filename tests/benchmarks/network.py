"""An archive host in a network namespace of its own, behind a link that can be slow."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tools.sshd import running_sshd

# Of a network for benchmarks alone (RFC 2544).
_HERE, THERE = "198.18.77.1", "198.18.77.2"
_LOOK_S = 0.02
# As vampd's own settings have it; it costs half of what ssh would choose.
_CIPHER = ("-c", "aes128-gcm@openssh.com")


@dataclass
class Link:
    """The device that leads to the archive host, and the words of ssh that log in there."""

    device: str
    ssh: tuple[str, ...]

    @property
    def sent_bytes(self) -> int:
        """What has left for the host so far."""
        counter = Path(f"/sys/class/net/{self.device}/statistics/tx_bytes")
        return int(counter.read_text(encoding="ascii"))


@contextmanager
def link_to_archive(folder: Path, bits_per_s: int | None) -> Iterator[Link]:
    """A link of this rate to a host that has the same disks; root alone may make one."""
    namespace = f"vampd-{os.getpid()}"
    device, other = f"vb{os.getpid() % 10**6}a", f"vb{os.getpid() % 10**6}b"
    within = ("ip", "netns", "exec", namespace)
    _run("ip", "netns", "add", namespace)
    try:
        _run("ip", "link", "add", device, "type", "veth", "peer", "name", other, "netns", namespace)
        _run("ip", "address", "add", f"{_HERE}/30", "dev", device)
        _run("ip", "link", "set", device, "up")
        _run(*within, "ip", "address", "add", f"{THERE}/30", "dev", other)
        _run(*within, "ip", "link", "set", other, "up")
        if bits_per_s is not None:
            rate = ("rate", f"{bits_per_s}bit", "burst", "1mb", "latency", "50ms")
            _run("tc", "qdisc", "add", "dev", device, "root", "tbf", *rate)
        with running_sshd(folder, _tool, THERE, within) as sshd:
            yield Link(device, (*sshd.ssh, *_CIPHER))
    finally:
        # The device goes with it.
        _run("ip", "netns", "delete", namespace)


@dataclass
class Traffic:
    """What a link has carried, looked at often while a block runs."""

    link: Link
    looks: list[tuple[float, int]] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look until the block ends."""
        ended = threading.Event()
        began = self.link.sent_bytes

        def look() -> None:
            while not ended.wait(_LOOK_S):
                self.looks.append((time.time(), self.link.sent_bytes - began))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def rate_from(self, since: float) -> float:
        """Bytes a second from this moment (unix seconds) until all but a thousandth had passed."""
        total = self.looks[-1][1]
        sent_before = max((count for at, count in self.looks if at <= since), default=0)
        end = next(at for at, count in self.looks if count >= 0.999 * total)
        return (total - sent_before) / max(end - since, _LOOK_S)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"this benchmark needs {name}")
    return found


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
