"""Low space is mailed before it is an error, once each time, and never costs a stage."""

import json
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import Site, configure, make_site
from tests.support.tools.mail_server import (
    HOST,
    MailServer,
    make_mail,
    make_sendmail,
    running_mail_server,
    running_mute_server,
)
from vampd.adapters.mail import mailer_of
from vampd.config import Mail
from vampd.engine.mailing.low_space_notifier import LowSpaceNotifier
from vampd.model.nights import Kind, NightId
from vampd.model.resources import LowSpace, Need, Space

NIGHT = NightId("20251106", Kind.ARCHIVE)
OPERATORS = ("observers@example.org", "it@example.org")


@pytest.fixture
def server(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[MailServer]:
    with running_mail_server(tmp_path, tool) as running:
        yield running


def smtp(server: MailServer, **keys: object) -> Mail:
    way = {"way": "smtp", "host": HOST, "port": server.port, "ca_file": str(server.certificate)}
    return make_mail(warn_recipients=OPERATORS, **{**way, **keys})


def notifier_at(folder: Path, mail: Mail) -> LowSpaceNotifier:
    """A new one, as after a restart."""
    return LowSpaceNotifier(mail, folder / "state" / "low_space", mailer_of)


def low(place: str = "/mnt/fuuu", needed: int = 50) -> LowSpace:
    return LowSpace(place, NIGHT, Space(90, 1_000), Need(needed), 50, None)


def test_a_spell_of_low_space_is_reported_once_until_there_was_room_for_what_was_needed(
    server: MailServer, tmp_path: Path
) -> None:
    mail = smtp(server)
    for _ in range(3):
        notifier_at(tmp_path, mail).warn(low())
    (shown,) = server.received
    assert (shown.sender, shown.recipients, shown.over_tls) == (mail.sender, OPERATORS, True)
    assert shown.mail["Subject"] == "vampd: little space at /mnt/fuuu"
    assert "Nothing has failed" in shown.mail.get_content()
    notifier_at(tmp_path, mail).warn(low("sc6l:/mnt/tier1"))
    assert len(server.received) == 2  # another disk is another matter
    # A smaller need is met, which is no end of it.
    notifier_at(tmp_path, mail).look("/mnt/fuuu", 49)
    notifier_at(tmp_path, mail).warn(low())
    assert len(server.received) == 2
    notifier_at(tmp_path, mail).look("/mnt/fuuu", 50)
    notifier_at(tmp_path, mail).warn(low())
    assert len(server.received) == 3


def test_a_mail_that_was_certainly_not_sent_is_tried_again_and_one_that_may_have_been_is_not(
    server: MailServer, tmp_path: Path
) -> None:
    mail = smtp(server)
    server.behaviour.begin = "451 busy"
    notifier_at(tmp_path, mail).warn(low())
    assert not server.received
    server.behaviour.begin = ""
    server.behaviour.dies_after_data = True
    notifier_at(tmp_path, mail).warn(low())
    assert len(server.received) == 1
    server.behaviour.dies_after_data = False
    notifier_at(tmp_path, mail).warn(low())
    assert len(server.received) == 1


def test_nobody_is_warned_whom_the_settings_do_not_name(tmp_path: Path) -> None:
    notifier_at(tmp_path, make_mail(sendmail=str(make_sendmail(tmp_path)))).warn(low())
    assert not (tmp_path / "sendmail.calls").exists()
    assert not (tmp_path / "state").exists()


def test_a_mail_server_that_hangs_or_a_state_folder_that_is_gone_costs_no_stage(
    tmp_path: Path,
) -> None:
    with running_mute_server() as port:
        mute = make_mail(warn_recipients=OPERATORS, way="smtp", host=HOST, port=port, timeout_s=0.2)
        notifier_at(tmp_path, mute).warn(low())
    (tmp_path / "state/low_space").rmdir()
    (tmp_path / "state/low_space").write_text("no folder")
    notifier_at(tmp_path, mute).warn(low())
    notifier_at(tmp_path, mute).look("/mnt/fuuu", 0)


def test_warnings_need_a_sender_and_a_way() -> None:
    for keys in ({"sender": None}, {"way": "smtp"}):
        with pytest.raises(ValueError, match="warn_recipients needs mail"):
            make_mail(warn_recipients=OPERATORS, **keys)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    make_smallest(made.root)
    return made


def test_a_night_on_a_low_disk_ends_done_and_each_disk_is_reported_once(site: Site) -> None:
    program = make_sendmail(site.base)
    mail = {"sender": "vampires@example.org", "warn_recipients": OPERATORS}
    low_everywhere = {"warn_below": 1.0}
    configure(site, disk=low_everywhere, mail={**mail, "sendmail": str(program)})
    ended = run_until_idle(site)
    assert len(ended.named("disk.warning_sent")) == 2
    # A new night, a new vampd, the same disks; and a broken sendmail is nobody's failure.
    broken = make_sendmail(site.base, status=1)
    make_smallest(site.root, "20251107", Kind.ENGINEERING, seed=7)
    configure(site, disk=low_everywhere, mail={**mail, "sendmail": str(broken)})
    ended = run_until_idle(site)
    places = {event["place"] for event in ended.named("disk.warning_failed")}
    assert places == {str(site.destination)}  # engineering nights go elsewhere: not told yet
    content = message_from_bytes((site.base / "sendmail.mail").read_bytes())
    assert content["To"] == ", ".join(OPERATORS)
    status = json.loads(vampctl(site, "status", "--json").stdout)
    assert [night["status"] for night in status] == ["done", "done"]
