"""vampctl in the test's process is vampctl in a process of its own, and leaves that as it was."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading

import pytest
import structlog

from tests.support.daemon.running import vampctl, vampctl_process
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure

DATE = "20251106"


@pytest.fixture
def site(settled: SettledSites, tmp_path) -> Site:
    return settled.copy(tmp_path / "own")


def state_of_this_process() -> dict[str, object]:
    umask = os.umask(0o077)
    os.umask(umask)
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "user": (os.getresuid(), os.getresgid(), os.getgroups()),
        "umask": umask,
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "threads": set(threading.enumerate()),
        "files": len(os.listdir("/proc/self/fd")),
        "system": (sys.argv, sys.stdin, sys.stdout, sys.stderr, sys.excepthook, list(sys.path)),
        "structlog": structlog.get_config(),
        "logging": (root.level, list(root.handlers)),
    }


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", DATE, "--json"),
        ("history", DATE, "--json"),
        ("audit", DATE),
        ("why", "20251109"),  # there is no such night
        ("verify", DATE, "--nonsense"),
        ("nonsense",),
        ("release", DATE),  # it is not held
        ("restore", DATE),  # nobody is there to be asked
        ("retry", "-h"),
        ("config", "check"),
        ("manifest", DATE),
        (),
    ],
    ids=" ".join,
)
def test_it_ends_and_says_as_the_process_does(site: Site, words: tuple[str, ...]) -> None:
    before = state_of_this_process()
    here = vampctl(site, *words)
    assert state_of_this_process() == before
    assert told(here) == told(vampctl_process(site, *words))
    assert here.returncode in (0, 1, 2)


def told(done) -> tuple[object, ...]:
    """How it ended, and what it said but for ages."""
    texts = (re.sub(r"\d+(\.\d+)? (s|min)\b", "AGE", text) for text in (done.stdout, done.stderr))
    return done.args, done.returncode, *texts


def test_what_the_configuration_refuses_has_its_status_in_both(site: Site) -> None:
    site.config.write_text("[watch]\nroot = 7\n")
    here = vampctl(site, "status")
    assert here.returncode == 78
    assert told(here) == told(vampctl_process(site, "status"))


def test_a_name_that_is_no_text_is_shown_in_both(site: Site) -> None:
    configure(site, transfer_archive={"destination": "/nowhere/\u00fc/\u2603"})
    here = vampctl(site, "archive", "show")
    assert told(here) == told(vampctl_process(site, "archive", "show"))


def test_a_bug_is_told_by_a_traceback_and_status_1(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("vampd.wiring.connections.connect_to_read", fail)
    failed = vampctl(site, "history", DATE)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Traceback")
    assert failed.stderr.endswith("ZeroDivisionError\n")


def test_what_changes_its_process_and_what_reads_another_environment_has_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.daemon.running.run_here", None)
    assert vampctl(site, "doctor", "-h").returncode == 0
    assert vampctl(site, "status", COLUMNS="80").returncode == 0
    assert vampctl(site, "status", uid=os.geteuid()).returncode == 0


def test_a_night_that_is_finished_here_leaves_no_words_to_the_log(site: Site) -> None:
    assert vampctl(site, "retry", DATE, "--from", "transfer").returncode == 0
    settle_here(site)
    assert structlog.contextvars.get_contextvars() == {}
