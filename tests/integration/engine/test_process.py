"""Other programs, really run: they follow the pace, and none of them stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.fakes.paces import SteeredPace
from vampd.adapters.programs import process, run_process
from vampd.disk.pace import SteadyPace
from vampd.errors import ClaimLost, ConfigError, TransientError

STEADY = SteadyPace()


def run_shell(script, pace=STEADY, stdin=b"", silent_after_s=30.0):
    return run_process(["sh", "-c", script], stdin=stdin, pace=pace, silent_after_s=silent_after_s)


def is_gone(pid):
    """Whether a process has ended (a zombie that nobody reaps has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def await_true(condition, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_all_of_the_input_goes_in_and_all_of_the_output_comes_back():
    text = os.urandom(3_000_000)
    ended = run_process(["cat"], stdin=text, pace=STEADY, silent_after_s=30)
    assert (ended.status, ended.stdout, ended.stderr) == (0, text, "")


def test_a_bad_exit_is_a_value_with_the_tail_of_its_message():
    ended = run_shell("yes noise | head -c 100000 >&2; echo the end >&2; exit 7")
    assert ended.status == 7
    assert ended.stderr.endswith("the end\n")
    assert len(ended.stderr) <= 1 << 14
    assert ended.last_words.endswith("the end")


def test_a_bad_exit_begins_with_its_cause_wherever_it_was_said():
    script = "echo /x: Permission denied >&2; yes noise | head -c 100000 >&2; exit 1"
    ended = run_shell(script)
    assert ended.lead == "permission is denied: "
    assert ended.last_words == "/x: Permission denied"
    assert run_shell("echo sorry >&2; exit 1").lead == ""


def test_a_program_that_writes_more_than_it_may_is_ended():
    began = time.monotonic()
    with pytest.raises(TransientError, match="more than the 1,000 bytes") as caught:
        run_process(["yes"], pace=STEADY, silent_after_s=30, most_bytes=1_000)
    assert caught.value.code == "output_too_long"
    assert time.monotonic() - began < 10
    dropped = run_process(
        ["head", "-c", "300000", "/dev/zero"], pace=STEADY, silent_after_s=30, most_bytes=None
    )
    assert (dropped.status, dropped.stdout) == (0, b"")


def test_a_program_that_is_killed_shows_the_signal():
    assert run_shell("kill -9 $$").status == -signal.SIGKILL


def test_a_program_that_does_not_read_its_input_is_no_failure():
    assert run_process(["true"], stdin=bytes(10**6), pace=STEADY, silent_after_s=30).status == 0


def test_messages_are_those_of_the_c_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert run_shell("echo $LC_ALL").stdout == b"C\n"


def test_a_missing_program_is_an_error_of_the_configuration():
    with pytest.raises(ConfigError) as caught:
        run_process(["/no/such/program"], pace=STEADY, silent_after_s=30)
    assert caught.value.code == "program_missing"
    assert "/no/such/program" in caught.value.message


def test_a_silent_program_is_ended(tmp_path):
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        run_shell(f"echo $$ > {tmp_path}/pid; exec sleep 60", silent_after_s=0.3)
    assert caught.value.code == "program_silent"
    assert time.monotonic() - began < 5
    assert is_gone((tmp_path / "pid").read_text().strip())


def test_a_program_that_speaks_now_and_then_is_not_silent():
    ended = run_shell("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done", silent_after_s=0.6)
    assert ended.stdout == b"1\n2\n3\n4\n5\n6\n"


def test_a_pause_makes_the_program_stand_still_and_is_no_silence(tmp_path):
    pace = SteeredPace()
    steps = tmp_path / "steps"
    script = f"for i in $(seq 40); do echo $i >> {steps}; sleep 0.02; done"
    outcome = []
    thread = threading.Thread(
        target=lambda: outcome.append(run_shell(script, pace, silent_after_s=3))
    )
    thread.start()
    await_true(lambda: steps.exists() and steps.read_text().count("\n") > 3)
    pace.pause()
    time.sleep(0.3)
    before = steps.read_text()
    time.sleep(3.2)
    assert steps.read_text() == before
    pace.resume()
    thread.join(20)
    assert steps.read_text().count("\n") == 40
    assert outcome[0].status == 0
    assert outcome[0].paused_s > 1


def test_stopping_ends_the_whole_group_even_while_it_stands_still(tmp_path):
    pace = SteeredPace()
    pids = tmp_path / "pids"
    raised = []

    def work():
        try:
            run_shell(f"sleep 60 & echo $$ $! > {pids}; wait", pace)
        except ClaimLost as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    await_true(lambda: pids.exists() and pids.read_text().endswith("\n"))
    pace.pause()
    time.sleep(0.3)
    pace.stop()
    thread.join(4)
    assert raised[0].code == "stopped"
    leader, child = pids.read_text().split()
    assert is_gone(leader)
    # Nobody waits for it here: a moment passes between the signal and its end.
    await_true(lambda: is_gone(child))


def test_a_program_that_ignores_the_request_to_end_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    with pytest.raises(TransientError):
        run_shell(
            f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done", silent_after_s=0.3
        )
    assert is_gone((tmp_path / "pid").read_text().strip())


def test_nothing_starts_when_the_work_is_stopped_already(tmp_path):
    pace = SteeredPace()
    pace.stop()
    with pytest.raises(ClaimLost):
        run_shell(f"touch {tmp_path}/started", pace)
    assert not (tmp_path / "started").exists()


def test_a_child_in_another_session_that_keeps_the_pipes_does_not_hold_us_up(tmp_path):
    # As a connection-sharing ssh master does.
    began = time.monotonic()
    ended = run_shell(f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' & sleep 0.3; echo x")
    assert time.monotonic() - began < 5
    assert ended.stdout == b"x\n"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_stragglers_of_the_group_do_not_outlive_the_program(tmp_path):
    run_shell(f"sleep 60 & echo $! > {tmp_path}/pid")
    await_true(lambda: is_gone((tmp_path / "pid").read_text().strip()))


@pytest.mark.parametrize("paused", [False, True])
def test_no_program_outlives_a_daemon_that_is_killed(tmp_path, paused):
    pids = tmp_path / "pids"
    # `cat` ends when the pipe from the program closes, as rsync's receiver does.
    code = (
        "import threading, time\n"
        "from tests.support.fakes.paces import SteeredPace\n"
        "from vampd.adapters.programs.process import run_process\n"
        "pace = SteeredPace()\n"
        f"if {paused}: threading.Timer(0.5, pace.pause).start()\n"
        f"run_process(['bash', '-c', 'exec > >(cat); echo $$ $! > {pids}; exec sleep 60'],"
        " pace=pace, silent_after_s=60)\n"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    await_true(lambda: pids.exists() and pids.read_text().endswith("\n"))
    if paused:
        for pid in pids.read_text().split():
            await_true(lambda pid=pid: Path(f"/proc/{pid}/stat").read_text().split()[2] == "T")
    daemon.kill()
    daemon.wait()
    leader, child = pids.read_text().split()
    await_true(lambda: is_gone(leader))
    await_true(lambda: is_gone(child))
