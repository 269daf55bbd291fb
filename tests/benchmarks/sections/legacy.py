"""How soon vampd is up beside years of nights of the old tools, and how much it says of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.site import ROOT, program, wait_for, write_config
from tests.support.worlds.sites.old_site import Life, make_old_site

_NIGHTS = 2000
_ROOM_BYTES = 1e9
_ENDS = (Life.ENDED, Life.DELETED, Life.SAFE)


def measure(options: Options) -> Iterator[Measure]:
    """Seconds to READY, and lines in the journal, at the first start and the next."""
    nights = options.count(_NIGHTS)
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        config = write_config(base)
        make_old_site(base / ROOT, nights, _ENDS)
        for which, said in (("first", "nights.recognized"), ("next", "nights.skipped")):
            log, notices = base / f"{which}.log", base / f"{which}.socket"
            with (
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
                open(log, "wb") as journal,
            ):
                ready.bind(str(notices))
                ready.settimeout(300)
                began = time.monotonic()
                daemon = subprocess.Popen(
                    [program("vampd"), "--config", str(config), "--log", "json"],
                    stderr=journal,
                    stdout=journal,
                    env=os.environ | {"NOTIFY_SOCKET": str(notices)},
                )
                while b"READY=1" not in ready.recv(4096):
                    pass
                took_s, cpu_s = time.monotonic() - began, _cpu_s(daemon.pid)
                wait_for(partial(_says, log, said), said)
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(60)
            lines = len(log.read_text().splitlines())
            what = f"{which} start beside {nights:,} old nights"
            ours = f"{cpu_s:.2f} s of CPU"
            yield Measure(f"{what}, to READY", took_s, "s", at_most(5), ours=ours)
            yield Measure(f"{what}, lines in the journal", lines, "lines", at_most(19))


def _says(log: Path, event: str) -> bool:
    return event in log.read_text(encoding="utf-8")


def _cpu_s(pid: int) -> float:
    """What a process has used of the cores so far: what a busy machine does not change."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
