"""The service under a real systemd, on a machine that is made for these tests and thrown away."""

import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import SMALLEST
from tests.support.tools.service import (
    ARCHIVE,
    MEMBER,
    OWNER,
    ROOT,
    STRANGER,
    UNIT,
    Service,
    installed,
    nspawn_options,
    prepare,
    wait_until,
)
from tests.support.tools.systemd_container import booted
from vampd.model.nights import Kind, NightId
from vampd.simulate import PRESETS

# A whole machine with what `make install` gives: the soak boots it.
pytestmark = pytest.mark.soak

INFO, WARNING, ERROR = "6", "4", "3"
_dates = (f"202511{day:02d}" for day in itertools.count(1))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def booted_service(
    installation: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    assert os.geteuid() == 0, "these tests need root: they boot a systemd in a container"
    base = tmp_path_factory.mktemp("machine")
    with booted(base, prepare(installation), nspawn_options(installation)) as machine:
        service = Service(machine)
        service.set_up()
        yield service


@pytest.fixture
def service(booted_service: Service) -> Iterator[Service]:
    """The service as installed, not started, and stopped after the test."""
    booted_service.configure()
    since = time.time()
    yield booted_service
    # Shown when the test failed.
    print(booted_service.machine.run("journalctl", "-u", "vampd", f"--since=@{since:.6f}").stdout)
    booted_service.systemctl("stop", check=False)
    booted_service.systemctl("reset-failed", check=False)
    booted_service.drop_in("")
    # Nothing that one test left unfinished is done in another.
    booted_service.machine.run(
        *("sh", "-c"),
        f"rm -rf {ROOT}/2025* {ROOT}/ARCHIVED_DATA/* /var/lib/vampd/*"
        # The next database would not know these marks.
        f" {ARCHIVE}/.vampd {ARCHIVE}/archived/.vampd",
    )


@pytest.fixture
def night() -> NightId:
    return NightId(next(_dates), Kind.ENGINEERING)


def assert_done(service: Service, night: NightId) -> None:
    service.wait_for(night, status="done")
    assert service.vampctl("audit", night.date).returncode == 0


# --- an ordinary day ------------------------------------------------------------------------------


def test_a_night_dropped_into_the_watched_folder_ends_safe(service: Service) -> None:
    night = NightId(next(_dates), Kind.ARCHIVE)
    since = time.time()
    service.systemctl("start")
    # At READY and no sooner: what READY means is there already.
    assert service.machine.path("/var/lib/vampd/vampd.db").exists()
    assert service.show("ActiveState") == "active"
    wait_until(lambda: service.show("StatusText") == "idle: no nights yet", "the first status")
    service.write_night(PRESETS["tiny"], night)
    said: set[str] = set()

    def is_done() -> bool:
        text = service.show("StatusText")
        assert "held" not in text
        said.add(text)
        return text == "idle: 1 done"

    wait_until(is_done, "the night to end", every_s=0.02)
    assert_done(service, night)
    record = service.record(night)
    assert record["safe_at"]
    there = service.machine.path(f"{ARCHIVE}/archived/{night.date}/vgen2")
    products = sorted(path.name for path in there.glob("*.fits.fz"))
    assert products
    here = service.machine.path(f"{ROOT}/{night.folder}/vgen2")
    owner = service.machine.run("id", "-u", OWNER).stdout.strip()
    assert {str(path.stat().st_uid) for path in here.iterdir()} == {owner}
    # Progress: the stage, and how far it is.
    assert any(text.startswith(f"running: {night.date} fpack ") for text in said), said
    assert any(text.rpartition(" ")[2].count("/") == 1 for text in said), said

    entries = service.journal(since, f"VAMPD_NIGHT={night.date}")
    events = [entry["VAMPD_EVENT"] for entry in entries]
    assert {"night.discovered", "stage.started", "stage.finished", "night.done"} <= {*events}
    # The preset has a cube without a timing file, which is set aside.
    priorities = {(entry["VAMPD_EVENT"], entry["PRIORITY"]) for entry in entries}
    assert ("stage.remarked", WARNING) in priorities
    assert {priority for event, priority in priorities if event != "stage.remarked"} == {INFO}
    assert all(
        {"VAMPD_KIND", "CODE_FILE", "CODE_LINE", "CODE_FUNC"} <= entry.keys() for entry in entries
    )
    packed = next(e for e in entries if e["VAMPD_EVENT"] == "stage.finished" and "fpack" in str(e))
    assert int(packed["VAMPD_ACTIONS"]) >= len(products)
    # No record comes by another way, without its fields.
    assert all("VAMPD_EVENT" in entry for entry in service.journal(since))


def test_a_held_night_is_an_error_in_the_journal_with_what_to_do(service: Service) -> None:
    night = NightId(next(_dates), Kind.ARCHIVE)
    service.configure(frameids={"authority": "command", "command": ["/bin/echo", "VMPX1"]})
    since = time.time()
    service.systemctl("start")
    service.write_night(SMALLEST, night)
    wait_until(lambda: service.record(night).get("status") == "held", "the night to be held")
    (held,) = service.journal(since, f"VAMPD_NIGHT={night.date}", f"PRIORITY={ERROR}")
    assert (held["VAMPD_EVENT"], held["VAMPD_STAGE"]) == ("night.held", "frameids")
    assert held["VAMPD_CODE"] == service.record(night)["code"]
    assert held["VAMPD_ERROR"]
    # The very query that people are told.
    said = json.loads(service.vampctl("why", night.date, "--json").stdout)
    shown = service.machine.run(*said["journal"].split(), "-p", "err", "-o", "cat").stdout
    assert "night.held" in shown


def test_reload_applies_a_changed_setting(service: Service, night: NightId) -> None:
    service.configure(watch={"quiet_after_s": 3600.0})
    service.systemctl("start")
    service.write_night(SMALLEST, night)
    service.wait_for(night, status="filling", note="waits until writing to it has ended")
    service.configure()
    service.systemctl("reload")
    assert_done(service, night)


def test_a_reload_with_a_fault_is_an_error_and_changes_nothing(
    service: Service, night: NightId
) -> None:
    since = time.time()
    service.systemctl("start")
    service.configure(watch={"quite_after_s": 1.0})
    assert service.systemctl("reload", check=False) != 0
    wait_until(lambda: "quite_after_s" in service.show("StatusText"), "the refusal in its status")
    wait_until(
        lambda: service.journal(since, "VAMPD_EVENT=config.refused"), "the refusal in the journal"
    )
    (refusal,) = service.journal(since, "VAMPD_EVENT=config.refused")
    assert refusal["PRIORITY"] == ERROR
    assert "quite_after_s" in refusal["VAMPD_ERROR"]
    service.write_night(SMALLEST, night)
    service.configure()
    assert_done(service, night)
    assert service.show("NRestarts") == "0"


def test_the_group_uses_vampctl_while_the_daemon_is_down(service: Service, night: NightId) -> None:
    service.systemctl("start")
    service.write_night(SMALLEST, night)
    assert_done(service, night)
    service.systemctl("stop")
    assert service.vampctl("status", night.date, as_user=MEMBER).returncode == 0
    assert "queued" in service.vampctl("retry", night.date, "--from", "transfer").stdout
    assert service.record(night)["status"] == "done"
    refused = service.vampctl("status", as_user=STRANGER, check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    service.systemctl("start")
    asked = f"{MEMBER} (vampctl)"
    wait_until(lambda: asked in service.vampctl("history", night.date).stdout, "the request")
    assert_done(service, night)


# --- what a machine does to it --------------------------------------------------------------------


def test_a_night_outlives_whatever_ends_its_daemon(service: Service, night: NightId) -> None:
    # One night through all of it: each end comes while the rest of the night is being packed.
    service.drop_in("[Service]\nWatchdogSec=5\n")
    service.systemctl("start")
    service.write_night(PRESETS["tiny"], night)

    def is_restarted(times: int) -> None:
        wait_until(lambda: service.show("NRestarts") == str(times), f"restart {times}")

    service.stopped_worker()
    hung_at = time.time()
    os.kill(service.main_pid(), signal.SIGSTOP)
    is_restarted(1)
    assert "Watchdog timeout" in service.told_by_systemd(hung_at)

    worker = service.stopped_worker()
    (restart,) = service.journal(hung_at, "VAMPD_EVENT=night.interrupted")
    assert (restart["PRIORITY"], restart["VAMPD_NIGHT"]) == (WARNING, night.date)
    os.kill(service.main_pid(), signal.SIGKILL)
    is_restarted(2)
    assert not Path(f"/proc/{worker}").exists()

    service.stopped_worker()
    chosen = service.main_pid()
    Path(f"/proc/{chosen}/oom_score_adj").write_text("1000")
    service.run_out_of_memory()
    wait_until(lambda: not Path(f"/proc/{chosen}").exists(), "the end of the daemon")
    is_restarted(3)

    service.stopped_worker()
    begin = time.monotonic()
    service.systemctl("stop")
    assert time.monotonic() - begin < 30
    assert service.show("Result") == "success"
    service.systemctl("start")
    assert_done(service, night)


def test_a_killed_worker_costs_one_action(service: Service, night: NightId) -> None:
    since = time.time()
    service.systemctl("start")
    service.write_night(PRESETS["tiny"], night)
    os.kill(service.stopped_worker(), signal.SIGKILL)
    assert_done(service, night)
    assert service.show("NRestarts") == "0"
    (lost,) = service.journal(since, "VAMPD_EVENT=worker.lost")
    assert (lost["PRIORITY"], lost["VAMPD_CODE"]) == (WARNING, "worker_died")


def test_the_kernel_takes_memory_from_a_worker_and_the_night_resumes(
    service: Service, night: NightId
) -> None:
    service.systemctl("start")
    service.write_night(PRESETS["tiny"], night)
    worker = service.stopped_worker()
    Path(f"/proc/{worker}/oom_score_adj").write_text("1000")
    service.run_out_of_memory()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the end of the worker")
    assert_done(service, night)
    assert service.show("NRestarts") == "0"


def test_starts_that_fail_come_to_an_end(service: Service) -> None:
    service.machine.path("/var/lib/vampd").mkdir(exist_ok=True)
    service.machine.path("/var/lib/vampd/vampd.db").write_text("no database\n" * 1000)
    since = time.time()
    assert service.systemctl("start", check=False) != 0
    wait_until(
        lambda: "Start request repeated too quickly" in service.told_by_systemd(since),
        "systemd to give up",
    )
    assert service.show("ActiveState") == "failed"
    assert service.show("NRestarts") == "5"
    errors = service.journal(since, f"PRIORITY={ERROR}")
    assert len(errors) == 5
    assert all(entry.get("VAMPD_CODE") for entry in errors)


def test_a_fault_in_the_settings_exits_78_and_is_not_restarted(service: Service) -> None:
    service.configure(watch={"quite_after_s": 1.0})
    since = time.time()
    assert service.systemctl("start", check=False) != 0
    assert service.show("ExecMainStatus") == "78"
    time.sleep(1)  # five times RestartSec
    assert (service.show("ActiveState"), service.show("NRestarts")) == ("failed", "0")
    (entry,) = service.journal(since)
    assert entry["PRIORITY"] == ERROR
    assert "watch.quite_after_s" in entry["VAMPD_ERROR"]


def test_nothing_but_the_nights_and_its_own_folders_can_be_written(service: Service) -> None:
    service.systemctl("start")
    main = service.show("MainPID")

    def touch(folder: str) -> str:
        # As root: what refuses is the file system and not the permissions.
        there = ("nsenter", "-t", main, "-m", "--", "touch", f"{folder}/written")
        return service.machine.run(*there, check=False).stderr

    for folder in ("/etc", "/usr", "/", f"/home/{OWNER}", "/root", "/var/tmp", ARCHIVE):
        assert "Read-only file system" in touch(folder), folder
    # Gen2's answer is removed from the shared /tmp.
    for folder in (ROOT, "/var/lib/vampd", "/var/cache/vampd", "/run/vampd", "/tmp"):
        assert touch(folder) == "", folder
    status = service.machine.path("/proc")  # not the machine's own: PID 1 mounts that itself
    assert not any(status.iterdir())
    limits = service.machine.run("cat", f"/proc/{main}/status").stdout
    assert "NoNewPrivs:\t1" in limits
    assert "CapEff:\t0000000000000000" in limits
    assert "Seccomp:\t2" in limits


def test_the_cameras_come_first(service: Service) -> None:
    service.systemctl("start")
    main = service.show("MainPID")
    assert service.machine.run("ps", "-o", "ni=", "-p", main).stdout.strip() == "10"
    assert service.machine.run("ionice", "-p", main).stdout.strip() == "best-effort: prio 7"
    assert service.machine.run("cat", f"/proc/{main}/oom_score_adj").stdout.strip() == "500"


def test_it_is_started_with_the_machine_once_it_is_enabled(service: Service) -> None:
    service.systemctl("enable")
    wanted = service.machine.run("systemctl", "list-dependencies", "--plain", "multi-user.target")
    assert UNIT in wanted.stdout
    service.systemctl("disable")
