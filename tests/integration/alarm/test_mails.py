"""Trouble and mornings by mail, over a real mail server: once, in plain text, for nobody else."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.site import Site, configure, make_site
from tests.support.tools.mail_server import (
    HOST,
    SENDER,
    MailServer,
    make_mail,
    running_mail_server,
)
from vampd.engine.alarm.low_space import LowSpaceMarks
from vampd.model.nights import Kind, NightId

OPERATORS = ("observers@example.org", "it@example.org")
TEAM = ("team@example.org",)
DATE = "20251107"


@pytest.fixture
def server(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[MailServer]:
    with running_mail_server(tmp_path, tool) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, server: MailServer) -> Site:
    """A site with a night that is held, whose mails go to the server."""
    made = make_site(tmp_path / "site")
    (made.root / DATE).mkdir()
    settle(made)
    assert vampctl(made, "hold", DATE, "--reason", "x\r\nBcc: b@x.org\x1b[2J").returncode == 0
    way = {"way": "smtp", "host": HOST, "port": server.port, "ca_file": str(server.certificate)}
    keys = {"sender": SENDER, "warn_recipients": OPERATORS, "morning_recipients": TEAM, **way}
    configure(made, mail={**keys, "morning_at": "00:00", "morning_zone": "Etc/UTC"})
    return made


def test_trouble_and_morning_are_mailed_once_each(site: Site, server: MailServer) -> None:
    settle(site)
    assert {one.sender for one in server.received} == {SENDER}
    mails = {one.recipients: one.mail for one in server.received}
    assert (len(server.received), set(mails)) == (2, {OPERATORS, TEAM})
    trouble, morning = mails[OPERATORS], mails[TEAM]
    assert trouble["Subject"] == f"vampd: {DATE} engineering is held at sync: held_by_person"
    assert "`vampctl why 20251107`" in trouble.get_content()
    assert morning["Subject"].strip().startswith(f"vampd: {DATE} engineering held at sync")
    labels = re.findall(r"^(\w[\w ]*): ", morning.get_content(), re.MULTILINE)
    assert labels == ["Night", "Frames", "Mail", "Person", "To do"]
    for mail in (trouble, morning):
        assert (mail["Bcc"], mail["To"].count("@")) == (None, len(mail["To"].split(",")))
        assert mail.get_content_type() == "text/plain"
        text = mail.get_content().replace("\r\n", "\n")
        assert text.replace("\n", "").isprintable()
        assert max(map(len, text.splitlines())) < 80
    settle(site)
    assert len(server.received) == 2


def test_a_mail_server_that_refuses_is_nobodys_failure_and_is_asked_again(
    site: Site, server: MailServer
) -> None:
    server.behaviour.begin = "451 busy"
    settle(site)
    assert server.received == []
    server.behaviour.begin = ""
    settle(site)
    assert len(server.received) == 2


def test_warnings_need_a_sender_and_a_way() -> None:
    for recipients in ("warn_recipients", "morning_recipients"):
        for keys in ({"sender": None}, {"way": "smtp"}):
            with pytest.raises(ValueError, match=f"{recipients} needs mail"):
                make_mail(**{recipients: OPERATORS, **keys})


def test_a_state_folder_that_is_gone_costs_no_stage(tmp_path: Path) -> None:
    marks = LowSpaceMarks(tmp_path / "low_space")
    (tmp_path / "low_space").write_text("no folder")
    marks.mark("/mnt/fuuu", 5, NightId(DATE, Kind.ARCHIVE))
    marks.look("/mnt/fuuu", 0)
