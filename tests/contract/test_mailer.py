"""Mailers: a mail is sent, certainly not sent, or its fate is unknown; never anything else."""

import smtplib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.tools.mail_server import (
    HOST,
    PASSWORD,
    SENDER,
    STARS,
    USER,
    Behaviour,
    MailServer,
    make_mail,
    make_sendmail,
    running_mail_server,
    running_mute_server,
    wait_for,
    write_credentials,
)
from vampd.adapters.credentials import read_credentials
from vampd.adapters.mail import open_mailer
from vampd.config import Mail, Tls
from vampd.errors import ConfigError, DataError, TransientError, VampdError

Tool = Callable[[str], str]
MAIL = (
    b"Subject: VMP manifest\r\nFrom: vampires@example.org\r\n\r\n"
    b"one\r\n.\r\n.two\r\n..three\r\nend\r\n"
)


@pytest.fixture
def server(tmp_path: Path, tool: Tool) -> Iterator[MailServer]:
    with running_mail_server(tmp_path, tool) as running:
        yield running


@pytest.fixture
def login_server(tmp_path: Path, tool: Tool) -> Iterator[MailServer]:
    with running_mail_server(tmp_path, tool, login=True) as running:
        yield running


@pytest.fixture
def plain_server(tmp_path: Path, tool: Tool) -> Iterator[MailServer]:
    with running_mail_server(tmp_path, tool, starttls=False) as running:
        yield running


def settings(server: MailServer, **keys: object) -> Mail:
    base = {"way": "smtp", "host": HOST, "port": server.port, "ca_file": server.certificate}
    return make_mail(**{**base, "timeout_s": 5, **keys})


def send(mail: Mail) -> None:
    open_mailer(mail).send(SENDER, STARS, MAIL)


def fail(mail: Mail) -> VampdError:
    with pytest.raises(VampdError) as caught:
        send(mail)
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_a_mail_arrives_byte_for_byte_at_all_recipients_over_tls(server: MailServer) -> None:
    send(settings(server))
    (received,) = server.received
    assert (received.sender, received.recipients) == (SENDER, STARS)
    assert received.content == MAIL
    assert received.over_tls


def test_a_mail_without_a_last_line_end_arrives_whole(server: MailServer) -> None:
    open_mailer(settings(server)).send(SENDER, STARS, MAIL.removesuffix(b"\r\n"))
    assert server.received[0].content == MAIL


def test_a_certificate_that_nobody_vouches_for_is_refused(server: MailServer) -> None:
    error = fail(settings(server, ca_file=None))
    assert (type(error), error.code) == (TransientError, "mail_failed")
    assert "certificate" in error.message
    assert server.received == []


def test_a_certificate_of_another_host_is_refused(server: MailServer) -> None:
    error = fail(settings(server, host="localhost"))
    assert error.code == "mail_failed"
    assert server.received == []


def test_nothing_falls_back_to_plain_text(plain_server: MailServer, tmp_path: Path) -> None:
    credentials = write_credentials(tmp_path)
    error = fail(settings(plain_server, credentials=credentials))
    assert (type(error), error.code) == (TransientError, "mail_failed")
    assert (plain_server.received, plain_server.logins) == ([], [])


def test_plain_text_goes_where_it_is_asked_for(plain_server: MailServer) -> None:
    send(settings(plain_server, tls=Tls.NONE))
    assert [received.over_tls for received in plain_server.received] == [False]


def test_a_login_opens_the_server(login_server: MailServer, tmp_path: Path) -> None:
    send(settings(login_server, credentials=write_credentials(tmp_path)))
    assert login_server.logins == [True]
    assert len(login_server.received) == 1


def test_a_wrong_password_is_a_matter_of_configuration(
    login_server: MailServer, tmp_path: Path
) -> None:
    credentials = write_credentials(tmp_path, f"{USER}\nno-such-word\n")
    error = fail(settings(login_server, credentials=credentials))
    assert (type(error), error.code) == (ConfigError, "mail_login")
    assert "no-such-word" not in error.message
    assert str(credentials) in error.message
    assert login_server.received == []


def test_a_login_that_fails_for_a_while_is_tried_again(
    login_server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise smtplib.SMTPAuthenticationError(454, b"temporary authentication failure")

    monkeypatch.setattr(smtplib.SMTP, "login", refuse)
    error = fail(settings(login_server, credentials=write_credentials(tmp_path)))
    assert (type(error), error.code) == (TransientError, "mail_failed")
    assert "temporary authentication failure" in error.message


def test_a_server_that_wants_a_login_refuses_without(login_server: MailServer) -> None:
    assert fail(settings(login_server)).code == "mail_failed"
    assert login_server.received == []


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(recipient="550 nobody of that name"),
        Behaviour(recipient="451 come back later"),
        Behaviour(begin="452 no room"),
        Behaviour(end="554 not this one"),
        Behaviour(end="421 closing"),
    ],
    ids=str,
)
def test_a_refusal_is_certain_and_nobody_gets_the_mail(
    server: MailServer, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    error = fail(settings(server))
    assert (type(error), error.code) == (TransientError, "mail_failed")
    answer = behaviour.recipient or behaviour.begin or behaviour.end
    assert answer in error.message
    assert server.received == []
    server.behaviour = Behaviour()
    send(settings(server))
    assert len(server.received) == 1


def test_one_refused_recipient_keeps_the_mail_from_all(server: MailServer) -> None:
    server.behaviour = Behaviour(recipient="550 nobody of that name")
    assert STARS[-1] in fail(settings(server)).message
    assert server.received == []


@pytest.mark.parametrize(
    "behaviour", [Behaviour(dies_after_data=True), Behaviour(silent_after_data=True)], ids=str
)
def test_a_server_that_has_it_all_and_does_not_answer_leaves_the_fate_unknown(
    server: MailServer, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    error = fail(settings(server, timeout_s=1))
    assert (type(error), error.code) == (DataError, "mail_uncertain")
    # It may well have been sent; here it was.
    wait_for(lambda: len(server.received) == 1)


def test_a_server_that_never_greets_has_certainly_sent_nothing() -> None:
    with running_mute_server() as port:
        error = fail(make_mail(way="smtp", host=HOST, port=port, timeout_s=0.3))
    assert (type(error), error.code) == (TransientError, "mail_failed")


def test_a_server_that_is_away_has_certainly_sent_nothing() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    error = fail(make_mail(way="smtp", host=HOST, port=port, timeout_s=1))
    assert (type(error), error.code) == (TransientError, "mail_failed")


def test_a_file_without_certificates_is_a_matter_of_configuration(
    server: MailServer, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "missing.pem"):
        assert fail(settings(server, ca_file=tmp_path / name)).code == "mail_ca_file"


@pytest.mark.parametrize("missing", ["sender", "recipients", "data_host_ip"])
def test_without_a_needed_key_nothing_is_sent(missing: str) -> None:
    mail = make_mail(**{missing: () if missing == "recipients" else None})
    with pytest.raises(ConfigError, match=f"mail.{missing}"):
        open_mailer(mail)


def test_sendmail_gets_the_mail_and_whom_it_is_for(tmp_path: Path) -> None:
    send(make_mail(sendmail=make_sendmail(tmp_path)))
    assert (tmp_path / "sendmail.mail").read_bytes() == MAIL.replace(b"\r\n", b"\n")
    words = (tmp_path / "sendmail.words").read_text().split()
    assert words == ["-i", "-f", SENDER, "--", *STARS]


def test_a_sendmail_that_refuses_has_certainly_sent_nothing(tmp_path: Path) -> None:
    error = fail(make_mail(sendmail=make_sendmail(tmp_path, status=67)))
    assert (type(error), error.code) == (TransientError, "mail_failed")
    assert "queue is full" in error.message


@pytest.mark.parametrize(
    ("status", "then"), [(75, ""), (0, "kill -9 $$"), (0, "sleep 20")], ids=str
)
def test_a_sendmail_that_does_not_say_so_leaves_the_fate_unknown(
    tmp_path: Path, status: int, then: str
) -> None:
    program = make_sendmail(tmp_path, status=status, then=then)
    error = fail(make_mail(sendmail=program, timeout_s=0.7))
    assert (type(error), error.code) == (DataError, "mail_uncertain")
    assert (tmp_path / "sendmail.mail").exists()


def test_a_sendmail_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path) -> None:
    assert fail(make_mail(sendmail=tmp_path / "none")).code == "program_missing"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o660])
def test_credentials_that_others_may_read_or_write_are_refused(tmp_path: Path, mode: int) -> None:
    path = write_credentials(tmp_path, mode=mode)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        read_credentials(path)
    assert caught.value.code == "credentials_unsafe"
    assert PASSWORD not in caught.value.message


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_credentials_for_their_owner_alone_are_read(tmp_path: Path, mode: int) -> None:
    read = read_credentials(write_credentials(tmp_path, mode=mode))
    assert (read.user, read.password) == (USER, PASSWORD)
    assert PASSWORD not in repr(read)


@pytest.mark.parametrize("text", ["", "user\n", "user\n\n", "\npassword\n", "a\nb\nc\n"])
def test_credentials_are_two_lines(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_credentials(write_credentials(tmp_path, text))
    assert caught.value.code == "credentials_malformed"


def test_credentials_that_are_no_file_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(ConfigError) as caught:
        read_credentials(tmp_path)
    assert caught.value.code == "credentials_unsafe"
    with pytest.raises(ConfigError, match="No such file"):
        read_credentials(tmp_path / "missing")
