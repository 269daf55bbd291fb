"""vampctl doctor asks the mail host, Gen2's name service and the clock of the disk themselves."""

import socket
import time
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from vampd.adapters import authorities
from vampd.cli.checks.here import examine_clock
from vampd.cli.look import doctor
from vampd.cli.shared.finding import BAD, OK


@pytest.mark.parametrize("listens", [True, False])
def test_a_mail_host_is_in_order_if_it_answers(listens: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        port = server.getsockname()[1]
        mail = {"way": "smtp", "host": "127.0.0.1", "port": port, "sender": "a@b"}
        lines = {one.check: one for one in doctor._mail(make_settings(mail=mail))}
    found = lines["mail host"]
    assert found.state == (OK if listens else BAD)
    assert f"127.0.0.1:{port}" in found.found
    assert listens or "correct mail.host and mail.port" in found.found


@pytest.mark.parametrize("refused", [None, "the object VAMPIRES is not known"])
def test_gen2_is_in_order_if_its_name_service_knows_the_object(
    monkeypatch: pytest.MonkeyPatch, refused: str | None
) -> None:
    monkeypatch.setattr(authorities, "look_for_gen2", lambda *_: refused)
    found = doctor._gen2(("127.0.0.1",))
    assert found.state == (OK if refused is None else BAD)
    assert "127.0.0.1" in found.found
    assert refused is None or found.found.startswith(refused)


@pytest.mark.parametrize(("ahead_s", "state"), [(0.0, OK), (3600.0, BAD), (-3600.0, BAD)])
def test_the_clock_of_the_disk_is_held_against_this_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead_s: float, state: str
) -> None:
    really = time.time
    monkeypatch.setattr(time, "time", lambda: really() - ahead_s)
    (found,) = (
        one for one in examine_clock(make_settings(tmp_path)) if one.check == "clock of the disk"
    )
    assert found.state == state
    assert state == OK or f"{ahead_s:+.0f}"[:3] in found.found
