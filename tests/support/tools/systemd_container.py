"""A throw-away machine with a real systemd as its PID 1, for the tests of the service.

    with booted(base, prepare) as machine:
        machine.run("systemctl", "start", "vampd")

systemd-nspawn over an overlay of the host's own file system: what is installed here is installed
there, and whatever happens there is gone with it. ``prepare`` gets the machine's root folder before
it boots; afterwards `Machine.path` leads to its files (but for /tmp, /run and /dev, which are its
own). It needs root, and up to a second.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 30.0
_ENVIRONMENT = (
    *("/usr/bin/env", "-i", "container=systemd-nspawn", "TERM=dumb", "LANG=C.UTF-8", "HOME=/root"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    *("SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"),
)
_POWER_OFF = signal.SIGRTMIN + 4  # systemd(1): starts poweroff.target
_CGROUPS = Path("/sys/fs/cgroup")
# A shell enters the cgroups and becomes nspawn, so that none of its children is outside. It dies
# with the process that started it: a test runner that is killed leaves no machine behind.
_ENTER = 'for group; do [ "$group" = -- ] && break; echo $$ >"$group/cgroup.procs"; shift; done'
_BECOME = 'shift; exec setpriv --pdeathsig KILL "$@"'


@dataclass(frozen=True)
class Machine:
    """A booted machine: its root folder as seen from here, and the host's pid of its PID 1."""

    root: Path
    leader: int

    def path(self, inside: str) -> Path:
        """Where a file of the machine lies for the host."""
        return self.root / inside.lstrip("/")

    def run(
        self, *command: str, as_user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside; a failure tells what it wrote."""
        given = ["runuser", "-u", as_user, "--", *command] if as_user else list(command)
        ended = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", *_ENVIRONMENT, *given],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_S,
            check=False,
        )
        if check and ended.returncode:
            raise AssertionError(
                f"{' '.join(command)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}"
            )
        return ended


@contextmanager
def booted(
    base: Path, prepare: Callable[[Path], None], nspawn_options: Sequence[str] = ()
) -> Iterator[Machine]:
    """A machine for as long as the block lasts; ``base`` is an empty folder for its remains."""
    name = f"vampd-test-{os.getpid()}"
    with ExitStack() as stack:
        root = _overlay_root(stack, base, name)
        prepare(root)
        groups = [stack.enter_context(_cgroup(folder)) for folder in _cgroup_folders(name)]
        console = stack.enter_context((base / "console.log").open("wb"))
        nspawn = subprocess.Popen(
            [
                *("sh", "-euc", f"{_ENTER}; {_BECOME}", "sh", *map(str, groups), "--"),
                *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"),
                *(f"--directory={root}", f"--machine={name}", "--console=pipe"),
                # A loopback of its own: machines side by side use the same ports.
                "--private-network",
                *("--link-journal=no", "--resolv-conf=off", "--timezone=off"),
                # What PID 1 needs for the device policy of a unit.
                *("--capability=CAP_BPF,CAP_NET_ADMIN", "--system-call-filter=bpf"),
                *nspawn_options,
                "systemd.unit=multi-user.target",
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
        stack.callback(_end, nspawn)
        try:
            machine = Machine(root, _wait_for_leader(nspawn))
            _wait_until_up(machine)
        except AssertionError as error:
            text = (base / "console.log").read_text(errors="replace")
            raise AssertionError(f"{error}\n{text}") from error
        _open_controllers(machine)
        yield machine


def _overlay_root(stack: ExitStack, base: Path, name: str) -> Path:
    layers = base / "layers"
    layers.mkdir(parents=True)
    _mount(stack, layers, "-t", "tmpfs", "-o", "size=4g,mode=755", name)
    upper, work, root = layers / "upper", layers / "work", layers / "root"
    for folder in (upper, work, root):
        folder.mkdir()
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    _mount(stack, root, "-t", "overlay", "-o", options, name)
    (root / "etc/machine-id").unlink(missing_ok=True)
    (root / "etc/machine-id").touch()  # empty: PID 1 makes a new one
    journal = root / "var/log/journal"
    shutil.rmtree(journal, ignore_errors=True)
    journal.mkdir(parents=True)
    # What else the host starts at its boot does not start here.
    units = root / "etc/systemd/system"
    for wanted in [*units.glob("*.wants/*")]:
        mask = units / wanted.name
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    return root


def _mount(stack: ExitStack, target: Path, *arguments: str) -> None:
    subprocess.run(["mount", *arguments, str(target)], check=True)
    stack.callback(subprocess.run, ["umount", str(target)], check=True)


def _cgroup_folders(name: str) -> list[Path]:
    """A folder for the machine below where this process is, in each hierarchy there is."""
    folders = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            unified = _CGROUPS / "unified"  # a hybrid host has it beside the old ones
            top = unified if unified.is_dir() else _CGROUPS
        else:
            top = _CGROUPS / controllers.removeprefix("name=")
        if top.is_dir():
            folders.append(top / path.lstrip("/") / name)
    return folders


@contextmanager
def _cgroup(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder / name).exists() and (folder.parent / "tasks").exists():
                (folder / name).write_text((folder.parent / name).read_text())
        yield folder
    finally:
        _patiently(lambda: _is_removed(folder), f"{folder} goes away")


def _is_removed(folder: Path) -> bool:
    inside = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in [*inside, folder]:
        with contextlib.suppress(OSError):  # still has processes, or is gone
            path.rmdir()
    return not folder.exists()


def _wait_for_leader(nspawn: subprocess.Popen[bytes]) -> int:
    found: list[int] = []

    def look() -> bool:
        assert nspawn.poll() is None, f"systemd-nspawn ended with {nspawn.returncode}"
        found[:] = _children(nspawn.pid, "systemd")
        return bool(found)

    _patiently(look, "PID 1 of the machine")
    return found[0]


def _children(parent: int, name: str) -> list[int]:
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, after = status.read_text().rpartition(")")
            if before.endswith(f"({name}") and after.split()[1] == str(parent):
                children.append(int(status.parent.name))
    return children


def _wait_until_up(machine: Machine) -> None:
    def is_raised() -> bool:
        state = machine.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    _patiently(is_raised, "the machine to come up")


def _open_controllers(machine: Machine) -> None:
    """Let PID 1 use the controllers of a hybrid host, which nspawn has mounted read-only."""
    if not (_CGROUPS / "memory").is_dir():
        return
    machine.run(
        *("sh", "-ec"),
        "for c in memory pids cpu cpuacct blkio; do [ ! -d /sys/fs/cgroup/$c ] ||"
        " mount -o remount,bind,rw /sys/fs/cgroup/$c; done; systemctl daemon-reexec",
    )
    _wait_until_up(machine)


def _end(nspawn: subprocess.Popen[bytes]) -> None:
    for leader in _children(nspawn.pid, "systemd"):
        os.kill(leader, _POWER_OFF)
    try:
        nspawn.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        nspawn.kill()
        nspawn.wait()


def _patiently(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}"
        time.sleep(0.1)
