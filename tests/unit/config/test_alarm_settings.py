"""[[notify]], [heartbeat], the morning: what cannot work is refused, and nobody is told unasked."""

import re

import pytest

from vampd.config import Settings, Signal, packaged_file, parse_settings
from vampd.errors import ConfigError
from vampd.model.alarm import AlarmState

BASE = """
[watch]
root = "/data"
[database]
url = "sqlite:////data/vampd.db"
[transfer.archive]
destination = "/archive"
[transfer.engineering]
destination = "/engineering"
"""


def settings(table: str) -> Settings:
    return parse_settings(BASE + table, "test")


@pytest.mark.parametrize(
    ("table", "reported"),
    [
        ("[[notify]]\nstates = ['held']", "notify.0.command is missing"),
        ("[[notify]]\ncommand = []", "notify.0.command"),
        ("[[notify]]\ncommand = ['bin/tell']", "absolute path"),
        ("[[notify]]\ncommand = 'tell --all'", "notify.0.command"),
        ("[[notify]]\ncommand = ['tell', \"a\\u0000b\"]", "arguments"),
        ("[[notify]]\ncommand = ['tell']\nstates = ['broken']", "notify.0.states.0"),
        ("[[notify]]\ncommand = ['tell']\nstates = []", "notify.0.states"),
        ("[[notify]]\ncommand = ['tell']\nname = 'a b'", "short word"),
        ("[[notify]]\ncommand = ['tell']\nname = 'mail'", "short word"),
        ("[[notify]]\ncommand = ['/bin/mail']", "name of its own"),
        ("[[notify]]\ncommand = ['tell']\ntimeout_s = 3600", "notify.0.timeout_s"),
        ("[[notify]]\ncommand = ['tell']\n[[notify]]\ncommand = ['/bin/tell']", "name of its own"),
        (9 * "[[notify]]\ncommand = ['tell']\n", "notify"),
        ("[heartbeat]\nurl = 'hc.example.org/ping'", "heartbeat.url"),
        ("[heartbeat]\nurl = 'file:///etc/passwd'", "heartbeat.url"),
        ('[heartbeat]\nurl = "https://x.org/a\\r\\nHost: y"', "plain characters"),
        ("[heartbeat]\nurl = 'https://u:p@x.org/ping'", "heartbeat.url"),
        ("[heartbeat]\nurl = 'https://x.org/ping#1'", "fragment"),
        ("[heartbeat]\nurl = 'https://x.org/'\ncommand = ['tell']", "not more"),
        ("[heartbeat]\nurl_file = 'heartbeat.url'", "absolute path"),
        ("[heartbeat]\nevery_s = 1", "heartbeat.every_s"),
        ("[heartbeat]\nsignals = ['ok']", "heartbeat.signals.0"),
        ("[mail]\nmorning_recipients = ['a@x.org']", "morning_recipients needs mail.sender"),
        ("[mail]\nmorning_at = 8", "local time"),
        ("[mail]\nmorning_zone = 'Hawaii Time'", "mail.morning_zone"),
        ("[mail]\nmorning_zone = '../../etc/passwd'", "mail.morning_zone"),
    ],
)
def test_what_cannot_work_is_refused_by_name(table: str, reported: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(reported)):
        settings(table)


def test_nobody_is_told_unless_it_is_asked_for() -> None:
    for read in (settings(""), parse_settings(packaged_file("vampd.toml").read_text(), "example")):
        assert (read.notify, read.heartbeat.is_set) == ((), False)
        assert (read.mail.warn_recipients, read.mail.morning_recipients) == ((), ())


def test_a_way_is_called_as_its_program_unless_it_has_a_name() -> None:
    read = settings(
        "[[notify]]\ncommand = ['/usr/bin/curl', '-d']\n[[notify]]\ncommand = ['curl']\nname = 'x'"
    )
    assert [one.way for one in read.notify] == ["curl", "x"]
    assert read.notify[0].states == tuple(AlarmState)


def test_the_example_shows_a_notify_that_works() -> None:
    text = packaged_file("vampd.toml").read_text().partition("# [[notify]]")[2].partition("\n\n")[0]
    keys = "\n".join(line[4:] for line in text.splitlines() if line.startswith("#   "))
    (shown,) = settings(f"[[notify]]\n{keys}").notify
    (default,) = settings("[[notify]]\ncommand = ['apprise']").notify
    assert (shown.states, shown.timeout_s, shown.way) == (default.states, 30, "apprise")
    assert set(re.findall(r"VAMPD_[A-Z]+", text)) == {
        f"VAMPD_{name}" for name in ("STATE", "SUBJECT", "BODY", "ABOUT", "CODES")
    }


def test_the_heartbeat_says_all_signals_unless_asked_for_fewer() -> None:
    assert settings("[heartbeat]\nurl = 'https://x.org/a'").heartbeat.signals == tuple(Signal)
