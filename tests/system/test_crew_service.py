"""The units of more hosts under a real systemd: scheduler, worker and vampd on one machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.builders.smallest_night import SMALLEST
from tests.support.tools.service import (
    DATABASE,
    OWNER,
    Service,
    installed,
    nspawn_options,
    prepare,
    wait_until,
)
from tests.support.tools.systemd_container import booted
from vampd.disk.life_signs import sign_path
from vampd.model.life_sign import parse_sign
from vampd.model.nights import Kind, NightId
from vampd.simulate import PRESETS

# A whole machine with what `make install CREW=1` gives: the soak boots it.
pytestmark = pytest.mark.soak

SCHEDULER, WORKER = "vampd-scheduler.service", "vampd-worker.service"
FILES = "/etc/vampd/crew"
CREW = {
    "engine": "dask",
    "scheduler": "tls://127.0.0.1:8786",
    "ca_file": f"{FILES}/ca.pem",
    "certificate": f"{FILES}/w1.pem",
    "key": f"{FILES}/w1.key",
    "lost_after_s": 10,
    "fall_back_after_s": 0,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A machine with the units as they are installed, and the files of docs/more-hosts.md."""
    assert os.geteuid() == 0, "these tests need root: they boot a systemd in a container"
    installation = installed(tmp_path_factory.getbasetemp(), "CREW=1")
    base = tmp_path_factory.mktemp("machine")
    with booted(base, prepare(installation), nspawn_options(installation)) as machine:
        made = Service(machine)
        made.set_up()
        made.configure(crew=CREW)
        machine.run("vampctl", "crew", "certificates", "scheduler", "w1", "--to", "/root/crew")
        machine.run(
            *("sh", "-ec"),
            f"install -d {FILES}; cd /root/crew;"
            f"cp ca.pem scheduler.pem scheduler.key w1.pem w1.key {FILES};"
            f"chown {OWNER} {FILES}/w1.key;"
            f"mkdir -p /etc/systemd/system/{WORKER}.d;"
            f"printf '[Service]\\nUser={OWNER}\\n' > /etc/systemd/system/{WORKER}.d/owner.conf;"
            "systemctl daemon-reload",
        )
        yield made
        # Shown when a test failed.
        print(machine.run("journalctl", "-u", SCHEDULER, "-u", WORKER, "-u", "vampd").stdout)


def show(service: Service, unit: str, name: str) -> str:
    """A property of a unit."""
    return service.machine.run("systemctl", "show", "-P", name, unit).stdout.strip()


def is_restarted(service: Service, unit: str) -> bool:
    """Whether systemd has started it once more."""
    return show(service, unit, "NRestarts") == "1"


def has_packed(service: Service) -> bool:
    """Whether vampd says so in its sign of life, which it renews each minute at least.

    vampctl takes that for the sign of another boot: the unit's own /proc shows the host's.
    """
    sign = parse_sign(sign_path(service.machine.path(DATABASE)).read_bytes())
    assert sign is not None
    return any(host.bytes_per_s for host in sign.hosts.values())


def hosts(service: Service) -> list[dict[str, Any]]:
    """What `vampctl crew` tells of them."""
    shown = service.vampctl("crew", "--json", as_user=OWNER, check=False)
    found: list[dict[str, Any]] = json.loads(shown.stdout)["hosts"] if shown.stdout else []
    return found


def test_the_units_pack_nights_whatever_ends_them(service: Service) -> None:
    for unit in (SCHEDULER, WORKER):
        service.machine.run("systemctl", "start", unit)
    service.systemctl("start")
    wait_until(lambda: [host["packs"] for host in hosts(service)] == [True], "a host")
    night = NightId("20251101", Kind.ENGINEERING)
    service.write_night(PRESETS["tiny"], night)
    service.wait_for(night, status="done")
    # It was the host that packed.
    wait_until(lambda: has_packed(service), "an account of what was packed", 90)
    assert {show(service, unit, "NRestarts") for unit in (SCHEDULER, WORKER)} == {"0"}
    found = {
        finding["check"]: finding
        for finding in json.loads(
            service.vampctl("doctor", "--json", as_user=OWNER, check=False).stdout
        )
        if finding["check"].startswith("crew ")
    }
    assert {finding["state"] for finding in found.values()} == {"OK"}, found
    assert any(check.startswith("crew root on ") for check in found)

    for unit in (SCHEDULER, WORKER):
        service.machine.run("systemctl", "kill", "--kill-whom=main", "-s", "KILL", unit)
        wait_until(partial(is_restarted, service, unit), "a restart")
    again = NightId("20251102", Kind.ENGINEERING)
    service.write_night(SMALLEST, again)
    service.wait_for(again, status="done")
    assert service.vampctl("audit", again.date).returncode == 0

    service.machine.run("systemctl", "stop", WORKER)
    assert show(service, WORKER, "Result") == "success"
    # It has taken its sign away.
    wait_until(lambda: not hosts(service), "the end of the host")
    service.machine.run("systemctl", "stop", SCHEDULER)
    assert show(service, SCHEDULER, "ActiveState") == "inactive"
    service.systemctl("stop")
