"""vampd as a service of a throw-away machine: installed by `make install`, run by its systemd.

The machine has an owner of the nights (``scexao``, as the example drop-in names), somebody of the
group ``vampd`` (``observer``), a stranger (``guest``), and an sshd on loopback as archive host.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.tools.systemd_container import Machine
from vampd.model.nights import NightId
from vampd.simulate import Scenario, plan_night, write_night

REPOSITORY = Path(__file__).parents[3]
OWNER, MEMBER, STRANGER = "scexao", "observer", "guest"
CONFIG = "/etc/vampd/vampd.toml"
ROOT = "/mnt/fuuu"
ARCHIVE = "/mnt/archive"
DATABASE = "/var/lib/vampd/vampd.db"
UNIT = "vampd.service"
_APPLICATION = "usr/local/lib/vampd"
_PEOPLE = f"""\
u {OWNER} - "Owner of the nights" /home/{OWNER} /bin/sh
u {MEMBER} - "Observer" /home/{MEMBER} /bin/sh
u {STRANGER} - "Somebody else" /home/{STRANGER} /bin/sh
m {MEMBER} vampd
"""
_SSHD = """\
ListenAddress 127.0.0.1
HostKey /etc/ssh/test_host_key
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
PasswordAuthentication no
PidFile none
KexAlgorithms curve25519-sha256
"""


def installed(base: Path, *extras: str) -> Path:
    """What `make install` gives with these extras; ``base`` is pytest's folder of temporary ones.

    It is made once for all the processes of pytest-xdist, whose folders lie beside each other.
    """
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    staging = shared / "-".join(["installed", *extras])
    with staging.with_name(f"{staging.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (staging / CONFIG.lstrip("/")).exists():
            subprocess.run(
                ["make", "--silent", "install", f"DESTDIR={staging}", *extras],
                cwd=REPOSITORY,
                check=True,
                stdin=subprocess.DEVNULL,
            )
    return staging


def nspawn_options(staging: Path) -> tuple[str, ...]:
    """The interpreter and its packages are shown to the machine, not copied into its memory."""
    return (f"--bind-ro={staging / _APPLICATION}:/{_APPLICATION}",)


def prepare(staging: Path) -> Callable[[Path], None]:
    """Put all of the installation but the interpreter into a machine's root, and what it needs."""

    def put(root: Path) -> None:
        shutil.copytree(
            staging,
            root,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=lambda folder, _: {"vampd"} if folder == f"{staging}/usr/local/lib" else set(),
        )
        (root / _APPLICATION).mkdir(parents=True, exist_ok=True)
        for folder in (ROOT, ARCHIVE):
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        people = root / "etc/sysusers.d/people.conf"
        people.parent.mkdir(parents=True, exist_ok=True)
        people.write_text(_PEOPLE)
        drop_ins = root / "etc/systemd/system/vampd.service.d"
        drop_ins.mkdir(parents=True)
        shutil.copy(root / "usr/local/share/doc/vampd/owner.conf", drop_ins)
        (drop_ins / "test.conf").write_text("[Service]\nRestartSec=200ms\n")

    return put


# Files of a file system in memory, which end with who has them open.
_FILL_MEMORY = """
from tempfile import TemporaryFile
file = TemporaryFile(dir="/dev/shm", buffering=0)
while True:
    file.write(bytes(1 << 20))
"""


@dataclass(frozen=True)
class Service:
    """vampd on a booted machine."""

    machine: Machine

    def set_up(self) -> None:
        """Make the people, the folders, and the archive host."""
        run = self.machine.run
        run("systemd-sysusers")
        run("systemd-tmpfiles", "--create", "vampd.conf")
        home = f"/home/{OWNER}"
        keys = f"{home}/.ssh"
        run("sh", "-ec", f"mkdir -p {keys} /run/sshd {ROOT}/ARCHIVED_DATA {ARCHIVE}/archived")
        for key in ("/etc/ssh/test_host_key", f"{keys}/id_ed25519"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        self.machine.path("/etc/ssh/test_sshd_config").write_text(_SSHD)
        run(
            *("sh", "-ec"),
            f"cp {keys}/id_ed25519.pub {keys}/authorized_keys;"
            f"sed 's/^/127.0.0.1 /' /etc/ssh/test_host_key.pub > {keys}/known_hosts;"
            f"chown -R {OWNER}: {home} {ROOT} {ARCHIVE}; chmod 700 {keys}",
        )
        # An account without a password counts as locked, unless it is told that there can be none.
        run("usermod", "-p", "*", OWNER)
        run("systemd-run", "--quiet", "/usr/sbin/sshd", "-D", "-f", "/etc/ssh/test_sshd_config")

    def configure(self, **tables: Mapping[str, Any]) -> None:
        """Write the settings; ``tables`` join or replace, ``_`` in a name stands for ``.``."""
        settings: dict[str, dict[str, Any]] = {
            "watch": {"root": ROOT, "quiet_after_s": 0.5, "pause_while_writing": False},
            "database": {"url": f"sqlite:///{DATABASE}"},
            "schedule": {"workers": 1},
            "retry": {"first_delay_s": 0.2, "max_delay_s": 0.5},
            "frameids": {"authority": "local"},
            "transfer.archive": {"destination": f"127.0.0.1:{ARCHIVE}/archived"},
            "transfer.engineering": {"destination": f"127.0.0.1:{ARCHIVE}"},
        }
        for name, table in tables.items():
            key = name.replace("_", ".")
            settings[key] = {**settings.get(key, {}), **table}
        # JSON's scalars and lists are TOML's too.
        self.machine.path(CONFIG).write_text(
            "\n".join(
                f"[{name}]\n" + "".join(f"{key} = {json.dumps(v)}\n" for key, v in table.items())
                for name, table in settings.items()
            )
        )

    def systemctl(self, verb: str, *, check: bool = True) -> int:
        """Exit status of `systemctl VERB vampd`."""
        return self.machine.run("systemctl", verb, UNIT, check=check).returncode

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.machine.run("systemctl", "show", "-P", name, UNIT).stdout.strip()

    def drop_in(self, text: str) -> None:
        """Settings of the unit until the machine's tests reset them; '' takes them back."""
        path = self.machine.path("/etc/systemd/system/vampd.service.d/one-test.conf")
        path.write_text(text)
        self.machine.run("systemctl", "daemon-reload")

    def journal(self, since_s: float, *matches: str) -> list[dict[str, Any]]:
        """The unit's own entries since a moment (unix seconds)."""
        self.machine.run("journalctl", "--sync")
        found = self.machine.run(
            *("journalctl", "-o", "json", f"--since=@{since_s:.6f}"),
            *(f"_SYSTEMD_UNIT={UNIT}", *matches),
        )
        return [json.loads(line) for line in found.stdout.splitlines()]

    def told_by_systemd(self, since_s: float) -> str:
        """What PID 1 says of the unit since a moment (unix seconds)."""
        self.machine.run("journalctl", "--sync")
        words = ("journalctl", f"UNIT={UNIT}", "_PID=1", "-o", "cat", f"--since=@{since_s:.6f}")
        return self.machine.run(*words).stdout

    def vampctl(
        self, *words: str, as_user: str = MEMBER, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run vampctl as somebody."""
        return self.machine.run("vampctl", "--config", CONFIG, *words, as_user=as_user, check=check)

    def record(self, night: NightId) -> dict[str, Any]:
        """What `vampctl status --json` tells of a night; empty if it knows none."""
        shown = self.vampctl("status", "--json", check=False)
        nights = json.loads(shown.stdout) if shown.returncode == 0 else []
        mine: list[dict[str, Any]] = [
            each
            for each in nights
            if (each["date"], each["kind"]) == (night.date, night.kind.value)
        ]
        return mine[0] if mine else {}

    def write_night(self, scenario: Scenario, night: NightId, seed: int = 3) -> None:
        """A night's raw files, all at once, as its owner's."""
        write_night(plan_night(scenario, night, seed), self.machine.path(ROOT))
        # Nothing of it is vampd's yet, so that it may change hands.
        self.machine.run("chown", "-R", f"{OWNER}:", f"{ROOT}/{night.folder}")

    def _stored(self, night: NightId) -> dict[str, Any]:
        """The night's row, read past vampctl, each start of which costs a second."""
        database = self.machine.path(DATABASE)
        if not database.exists():
            return {}
        with contextlib.closing(
            sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        ) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(
                "SELECT * FROM nights WHERE date = ? AND kind = ?", (night.date, night.kind.value)
            ).fetchone()
        return {} if found is None else dict(found)

    def wait_for(self, night: NightId, **wanted: str) -> None:
        """Wait until the night's record has these values."""

        def has_them() -> bool:
            record = self._stored(night)
            assert record.get("status") != "held", record
            return {name: record.get(name) for name in wanted} == wanted

        wait_until(has_them, f"{night} to become {wanted}")

    def main_pid(self) -> int:
        """The daemon's process id, as the host counts."""
        inside = self.show("MainPID")
        return next(pid for pid in _descendants(self.machine.leader) if _inner(pid) == inside)

    def run_out_of_memory(self) -> None:
        """Let a process among the service's ask for more memory than they all may have.

        The kernel kills whoever has the highest score there, again and again; this process is the
        last but for those that have 1000. What a process holds counts too, in parts of what all may
        have: so that is much, and what this one asks for is no process's own.
        """
        group = _memory_group(self.main_pid())
        used = int(_read_first(group, "memory.usage_in_bytes", "memory.current"))
        self.machine.run(
            "systemctl", "set-property", "--runtime", UNIT, f"MemoryMax={used + 2**30}"
        )
        hog = (
            f"echo $$ > {group}/cgroup.procs; echo 900 > /proc/self/oom_score_adj;"
            f" exec {sys.executable} -c '{_FILL_MEMORY}'"
        )
        ended = subprocess.run(["sh", "-c", hog], check=False, stdin=subprocess.DEVNULL)
        self.machine.run("systemctl", "set-property", "--runtime", UNIT, "MemoryMax=infinity")
        assert ended.returncode == -signal.SIGKILL, "the kernel did not run out of memory"

    def stopped_worker(self) -> int:
        """Make a worker that writes a product stand still, so that packing takes for ever."""
        daemon = self.main_pid()
        packing: list[int] = []

        def find() -> bool:
            packing[:] = [pid for pid in _workers(daemon) if _writes_product(pid)]
            return bool(packing)

        # Almost no pause between looks: a small cube is packed in some milliseconds.
        wait_until(find, "a worker that packs", every_s=0.001)
        os.kill(packing[0], signal.SIGSTOP)
        return packing[0]


def wait_until(
    condition: Callable[[], object], what: str, within_s: float = 60.0, every_s: float = 0.1
) -> None:
    """Wait until a condition holds; AssertionError if it never does.

    A look may cost more than what is waited for: it gets no more than half of the time.
    """
    deadline = time.monotonic() + within_s
    while True:
        begin = time.monotonic()
        if condition():
            return
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s for {what}"
        time.sleep(max(every_s, time.monotonic() - begin))


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in _read(task).split()]


def _memory_group(pid: int) -> Path:
    """The control group that counts a process's memory."""
    for line in _read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        top = Path("/sys/fs/cgroup") / controllers
        group = top / path.lstrip("/")
        if controllers in ("memory", "") and (group / "memory.stat").exists():
            return group
    raise AssertionError(f"process {pid} is in no group that counts memory")


def _read_first(folder: Path, *names: str) -> str:
    return next(text for name in names if (text := _read(folder / name)))


def _workers(daemon: int) -> list[int]:
    """The children of its fork server."""
    servers = [pid for pid in _children(daemon) if "forkserver" in _read(f"/proc/{pid}/cmdline")]
    return [worker for server in servers for worker in _children(server)]


def _inner(pid: int) -> str:
    """The process id inside the machine."""
    line = next(
        (line for line in _read(f"/proc/{pid}/status").splitlines() if line.startswith("NSpid:")),
        "",
    )
    return line.split()[-1] if line else ""


def _read(path: str | Path) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(path).read_text()
    return ""  # it ended


def _writes_product(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if "/vgen2/.vampd-" in os.readlink(link):
                    return True
    return False
