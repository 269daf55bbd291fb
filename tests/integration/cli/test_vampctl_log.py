"""vampctl log: the journal's words, or the word that there is none."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from vampd.cli.look import log as log_module
from vampd.cli.program import make_app
from vampd.errors import VampdError
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    open_store(f"sqlite:///{made.database}", Access.MIGRATE).close()
    with connected(made) as connections:
        connections.store.discover(NIGHT, 0.0)
    return made


def log(site: Site, journalctl: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    return vampctl(site, "log", "20251106", *words, PATH=str(make_tools(site, journalctl)))


def make_tools(site: Site, journalctl: str | None) -> Path:
    """A folder for PATH with this journalctl, or none."""
    tools = site.base / "tools"
    tools.mkdir()
    (tools / "setpriv").symlink_to("/usr/bin/setpriv")
    if journalctl is not None:
        (tools / "journalctl").write_text(f"#!/bin/sh\n{journalctl}\n")
        (tools / "journalctl").chmod(0o755)
    return tools


def test_the_journal_is_asked_for_this_night_alone(site: Site) -> None:
    done = log(site, 'echo "$@"', "--kind", "archive", "--warnings", "-n", "7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [
        *("-u", "vampd", "VAMPD_NIGHT=20251106", "VAMPD_KIND=archive"),
        *("--no-pager", "--output=short-iso", "--utc", "--priority=warning", "-n7"),
    ]


def test_since_a_time_in_ut_and_of_all_nights_where_none_is_named(site: Site) -> None:
    path = str(make_tools(site, 'echo "$@"'))
    done = vampctl(site, "log", "--since", "2025-11-06 14:20", PATH=path)
    assert done.stdout.split() == [
        *("-u", "vampd", "--no-pager", "--output=short-iso", "--utc"),
        *("--since=@1762438800", "-n1000"),
    ]


_RECORDS = """printf '%s\\n' 'T host vampd: night.held code=one' \\
  'T host vampd: night.held code=two' \\
  'T host vampd: bug' '    Traceback: the Cube' 'T host vampd: stage.finished'"""


def test_what_is_searched_for_is_a_regular_expression_in_whole_records(site: Site) -> None:
    path = str(make_tools(site, _RECORDS))

    def found(*words: str) -> list[str]:
        done = vampctl(site, "log", "20251106", *words, PATH=path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    held = [f"T host vampd: night.held code={name}" for name in ("one", "two")]
    assert found("--grep", r"night\.held.*(one|two)$") == held
    assert found("--grep", "held", "-n", "1") == held[1:]
    # The lines of a record stay together; what has no capital letter is found in capitals, too.
    assert found("--grep", "the cube") == ["T host vampd: bug", "    Traceback: the Cube"]
    assert found("--grep", "The cube") == [
        "the journal has no such records of 20251106 archive; `vampctl history` tells of nights"
        " without it"
    ]


def test_what_is_no_regular_expression_and_no_time_is_a_usage_error(site: Site) -> None:
    path = str(make_tools(site, "echo asked"))
    for words, said in ((("--grep", "a(b"), "regular expression"), (("--since", "x"), "14:20")):
        done = vampctl(site, "log", "20251106", *words, PATH=path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.parametrize(
    "journalctl", [None, "echo 'No journal files were found.' >&2; echo '-- No entries --'"]
)
def test_without_a_journal_that_is_said(site: Site, journalctl: str | None) -> None:
    done = log(site, journalctl)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no journal to query" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_journal_without_the_night_is_no_error(site: Site) -> None:
    done = log(site, "echo '-- No entries --'")
    assert done.returncode == 0
    assert "has no records of 20251106 archive" in done.stdout


def test_who_may_not_read_the_journal_is_told_how_to(site: Site) -> None:
    # journalctl's own words, of systemd 252.
    words = "No journal files were opened due to insufficient permissions."
    done = log(site, f"echo 'Hint: You are currently not seeing.' >&2; echo '{words}' >&2; exit 1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "usermod -aG systemd-journal" in done.stderr
    assert "no journal to query" not in done.stderr


def test_a_journal_that_is_too_long_to_show_says_that_and_not_that_there_is_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_MOST_BYTES", 10)
    make_tools(site, "echo 'more than ten bytes'")
    monkeypatch.setenv("PATH", f"{site.base / 'tools'}:/usr/bin")
    done = CliRunner().invoke(make_app(), ["--config", str(site.config), "log", "20251106"])
    assert isinstance(done.exception, VampdError)
    assert done.exception.code == "output_too_long"
