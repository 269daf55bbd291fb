"""An sshd whose one key leads through the gate of an archive host."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.tools.sshd import HOST, Sshd, running_sshd
from vampd.adapters.archive.gate import format_gate


@dataclass(frozen=True)
class Gated:
    """The key leads to ``disk``, may read ``moved``, and nothing beside them."""

    sshd: Sshd
    base: Path
    gate: tuple[str, ...]

    @property
    def disk(self) -> Path:
        return self.base / "disk"

    def run(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """The gate as sshd starts it, without the seconds that logins take."""
        environ = {**os.environ, "SSH_ORIGINAL_COMMAND": command}
        return subprocess.run(
            self.gate, input=stdin, capture_output=True, timeout=60, check=False, env=environ
        )

    def log_in(self, command: str) -> subprocess.CompletedProcess[bytes]:
        """The same through sshd."""
        words = [*self.sshd.ssh, "--", HOST, *([command] if command else [])]
        return subprocess.run(words, input=b"id\n", capture_output=True, timeout=60, check=False)


@contextmanager
def running_gate(base: Path, keys: Path, tool: Callable[[str], str]) -> Iterator[Gated]:
    """Folders ``disk``, ``moved`` and ``disk other``, a secret file, and the sshd."""
    for name in ("disk", "moved", "disk other"):
        (base / name).mkdir()
    (base / "secret").write_text("private")
    (keys / "gate").write_text(format_gate())
    with running_sshd(keys, tool) as sshd:
        gate = ("bash", str(keys / "gate"), str(base / "disk"), "--read", str(base / "moved"))
        key = (keys / "authorized_keys").read_text()
        (keys / "authorized_keys").write_text(f'restrict,command="{shlex.join(gate)}" {key}')
        yield Gated(sshd, base, gate)


def secluded(*words: str) -> bytes:
    """Arguments as rsync gives them on standard input."""
    return b"".join(os.fsencode(word) + b"\0" for word in (*words, ""))
