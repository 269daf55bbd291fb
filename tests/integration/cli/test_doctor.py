"""vampctl doctor: what is wrong has a line that says what to do, and nothing is changed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.daemon.running import BIN, running, vampctl, wait_until
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, make_site
from tests.support.tools.sshd import HOST, free_port, ssh_words
from tests.support.tools.terminal import run_in_terminal


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    settle_here(made)
    return made


def states(site: Site, status: int = 0) -> dict[str, tuple[str, str]]:
    done = vampctl(site, "doctor", "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return {line["check"]: (line["state"], line["found"]) for line in json.loads(done.stdout)}


def test_a_healthy_site_has_no_bad_line_and_stays_as_it_is(site: Site) -> None:
    before = sorted(site.base.rglob("*"))
    found = states(site)
    assert sorted(site.base.rglob("*")) == before
    assert {"rsync", "setpriv", "root", "database", "ledger", "archive destination"} <= found.keys()
    assert {"clock", "inotify max_user_watches", "space for engineering"} <= found.keys()
    assert all(state in ("OK", "look") for state, _ in found.values())
    assert found["daemon"][0] == "look"
    with running(site):
        wait_until(lambda: "running: pid" in states(site)["daemon"][1], "up")


def test_each_fault_has_its_own_line(site: Site) -> None:
    shutil.rmtree(site.archive_destination)
    configure(
        site,
        disk={"reserve_bytes": 10**18},
        transfer={"rsync": "rsync-that-is-not-there"},
        frameids={"authority": "none"},
        transfer_engineering={"destination": f"{HOST}:{site.destination}"},
    )
    site.database.write_bytes(b"")
    found = states(site, status=1)
    for check, reported in (
        ("rsync", "not installed"),
        ("space at root", "free some space"),
        ("database", "an empty file"),
        ("archive destination", "mount its disk or create it"),
    ):
        assert found[check][0] == "BAD", check
        assert reported in found[check][1]
    assert found["frame IDs"][0] == "look"
    configure(site, disk={"reserve_bytes": 10**18}, transfer={"rsync": "rsync-that-is-not-there"})
    found = states(site, status=1)
    assert found["rsync"][0] == "look", "copies within this machine need none"
    assert found["space for engineering"][0] == "BAD"


def test_a_login_that_fails_is_reported(site: Site) -> None:
    ssh = list(ssh_words(site.base, free_port()))
    configure(
        site, transfer={"ssh": ssh}, transfer_engineering={"destination": f"{HOST}:{site.base}"}
    )
    state, reported = states(site, status=1)["engineering destination"]
    assert state == "BAD"
    assert "works without a password" in reported


def test_a_configuration_that_cannot_be_used_exits_with_78(site: Site) -> None:
    site.config.write_text("[watch\n")
    assert vampctl(site, "doctor").returncode == 78


def test_a_sendmail_that_is_not_there_is_bad_only_for_who_relies_on_it(site: Site) -> None:
    mail = {"sender": "vampires@example.org", "sendmail": str(site.base / "no-sendmail")}
    configure(site, mail=mail)
    assert states(site)["sendmail"][0] == "look"
    configure(site, mail={**mail, "warn_recipients": ["observers@example.org"]})
    found = states(site, status=1)
    assert found["sendmail"][0] == "BAD"
    state, reported = found["alarm by mail"]
    assert (state, "observers@example.org" in reported) == ("OK", True)


def test_the_table_fits_a_terminal(site: Site) -> None:
    command: list[str | Path] = [BIN / "vampctl", "--config", site.config, "doctor"]
    shown = run_in_terminal(command, 80, NO_COLOR="1")
    assert max(map(len, shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())) <= 80


def test_the_marks_and_mount_points_of_the_archives_are_reported(site: Site) -> None:
    found = states(site)
    for kind in ("archive", "engineering"):
        assert found[f"{kind} mark"] == ("OK", "none yet: the first transfer places one")
        state, reported = found[f"{kind} mount point"]
        assert (state, "the mark alone guards" in reported) == ("look", True)
    configure(
        site,
        transfer_archive={"mount_point": "/"},
        transfer_engineering={"mount_point": str(site.destination)},
    )
    found = states(site, status=1)
    assert found["archive mount point"] == ("OK", "/ is one")
    assert found["engineering mount point"][0] == "BAD"
    assert "nothing is mounted" in found["engineering mark"][1]
