"""A real sshd on loopback, with throw-away keys, for one test session."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Sshd:
    """A running sshd: its port, the words that log in as the person who runs the tests, its pid."""

    port: int
    ssh: tuple[str, ...]
    pid: int


def keys_of(sshd: Sshd) -> Path:
    """The folder of the server's keys."""
    return Path(sshd.ssh[sshd.ssh.index("-i") + 1]).parent


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_sshd(
    folder: Path,
    tool: Callable[[str], str],
    address: str = HOST,
    within: Sequence[str] = (),
    startups: int = 100,
) -> Iterator[Sshd]:
    """Run sshd with keys and log in this folder until the block ends.

    ``within`` are the words that run a program where it has this address, ``startups`` how many may
    begin to log in at once.
    """
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where root's sshd locks itself in
    for name in ("host_key", "user_key"):
        subprocess.run(
            [tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
            check=True,
        )
    (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
    port = free_port()
    host_key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[{address}]:{port} {host_key}")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress {address}\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups {startups}\n"
        # The usual exchange resists quantum computers, and costs more than all else of a log-in.
        "KexAlgorithms curve25519-sha256\n"
        # A shell that is not the first reads no .bashrc, which may take longer than the log-in.
        "SetEnv SHLVL=1\n"
    )
    log = folder / "sshd.log"
    # Absolute, because sshd starts itself again for every connection.
    server = subprocess.Popen([*within, tool("sshd"), "-D", "-f", str(config), "-E", str(log)])
    try:
        _await_listening(server, (address, port), log)
        yield Sshd(port, ssh_words(folder, port, tool("ssh")), server.pid)
    finally:
        server.terminate()
        server.wait(timeout=10)


def ssh_words(folder: Path, port: int, ssh: str = "ssh") -> tuple[str, ...]:
    """The settings' ``ssh`` for a server with these keys, free of the person's configuration."""
    options = (
        f"UserKnownHostsFile={folder}/known_hosts",
        "GlobalKnownHostsFile=none",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "BatchMode=yes",
        "ConnectTimeout=5",
        "Compression=no",
    )
    words = [ssh, "-F", "none", "-T", "-x", "-p", str(port), "-i", f"{folder}/user_key"]
    for option in options:
        words += ["-o", option]
    return tuple(words)


def _await_listening(server: subprocess.Popen[bytes], address: tuple[str, int], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(address) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"sshd does not listen: {log.read_text() if log.exists() else 'no log'}")
