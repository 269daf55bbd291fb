"""A bad file on the disk breaks neither the vampd that runs nor the commands beside it."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import running, vampctl, wait_until
from tests.support.daemon.site import Site, configure, make_site
from tests.support.worlds.sites.busy_site import FAST, wait_for_event


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, **FAST)


def told(site: Site, key: str) -> object:
    return json.loads(vampctl(site, "daemon", "--json").stdout)[key]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("quiet_after_s", "quite_after_s"),
        lambda text: text.replace("[retry]", "[retry"),
    ],
    ids=["unknown key", "no TOML"],
)
def test_commands_go_on_with_what_is_in_force_as_long_as_vampd_runs(site: Site, spoil) -> None:
    night, _ = make_smallest(site.root)
    good = site.config.read_text()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(site.base / "notify"))
        said: list[str] = []

        def listen() -> None:
            # Always, since vampd waits for a listener that does not.
            while True:
                said.append(systemd.recv(65536).decode())
                if said[-1] == "the end":
                    return

        def hears(text: str) -> bool:
            return any(text in one for one in said)

        listener = threading.Thread(target=listen)
        listener.start()
        with running(site, NOTIFY_SOCKET=str(site.base / "notify")) as daemon:
            wait_until(lambda: hears("READY=1"), "up")
            wait_until(lambda: vampctl(site, "why", night.date).returncode == 0, "a night")
            site.config.write_text(spoil(good))
            assert vampctl(site, "config", "check").returncode == 78
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: hears("STATUS=configuration refused: "), "said to systemd")
            for words in (
                ("status",),
                ("hold", night.date, "--reason", "x"),
                ("release", night.date),
            ):
                done = vampctl(site, *words)
                assert done.returncode == 0, done.stderr
                assert "is refused" in done.stderr
            assert "configuration refused" in vampctl(site, "status").stdout.splitlines()[-1]
            assert told(site, "configuration_refused")
            shown = json.loads(vampctl(site, "config", "show", "--json").stdout)
            assert {"key": "watch.root", "from": "file", "value": str(site.root)}.items() <= shown[
                0
            ].items()
            site.config.write_text(good)
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: told(site, "configuration_refused") is None, "taken back")
            site.config.write_text(spoil(good))
            assert daemon.stop() == 0
        systemd.connect(str(site.base / "notify"))
        systemd.send(b"the end")
        listener.join(20)
    # Nothing is in force any more.
    assert vampctl(site, "status").returncode == 78


def test_what_the_file_says_and_is_not_in_force_yet_is_named(site: Site) -> None:
    with running(site) as daemon:
        wait_until(lambda: told(site, "running"), "up")
        configure(site, **FAST, mail={"timeout_s": 7.0})
        checked = vampctl(site, "config", "check")
        assert checked.returncode == 0
        assert "not yet in force, by `systemctl reload vampd`: mail.timeout_s" in checked.stdout
        values = {
            one["key"]: one for one in json.loads(vampctl(site, "config", "show", "--json").stdout)
        }
        assert values["mail.timeout_s"]["value"] == 60
        assert values["mail.timeout_s"]["in_file_only"] is True
        daemon.signal(signal.SIGHUP)
        wait_for_event(site, "config.reloaded")
        wait_until(lambda: "not yet" not in vampctl(site, "config", "check").stdout, "in force")
