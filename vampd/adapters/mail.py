"""Mail servers: ports.Mailer by SMTP, or by the local sendmail.

It matters to know whether a mail was sent. Until the final dot of SMTP's DATA has gone out the
server may not deliver (RFC 5321, 4.1.1.4); from then on its answer decides, and without an answer
the outcome is unknown.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vampd.adapters.credentials import read_credentials
from vampd.adapters.programs import run_process
from vampd.config import Mail, Tls
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import SteadyPace
from vampd.errors import ConfigError, DataError, TransientError
from vampd.model.delivery import Way
from vampd.ports import Mailer

_START_DATA, _DONE = 354, 250
_DOT = re.compile(rb"^\.", re.MULTILINE)
# sysexits.h: some sendmails exit so although they have queued the mail.
_TEMPORARY_FAILURE = 75


def open_mailer(settings: Mail) -> Mailer:
    """The mailer of this configuration; ConfigError ``mail_unset`` names what it lacks."""
    if settings.missing:
        raise ConfigError(
            "mail_unset",
            f"nothing can be mailed without {' and '.join(settings.missing)}; set them in the"
            " configuration",
        )
    return mailer_of(settings)


def mailer_of(settings: Mail) -> Mailer:
    """The mailer of settings that are known to be complete."""
    if settings.way is Way.SENDMAIL:
        return SendmailMailer(settings.sendmail, settings.timeout_s)
    return SmtpMailer(settings)


class SmtpMailer:
    """A mail server reached by SMTP; never without TLS unless so configured."""

    def __init__(self, settings: Mail) -> None:
        self._settings = settings
        self._where = f"{settings.host}:{settings.port}"

    def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
        with self._translating_failures():
            server = self._connect()
        try:
            with self._translating_failures():
                self._introduce(server)
                _require(server.mail(sender), "the sender", sender)
                for recipient in recipients:
                    # All or none: a mail that only some received could not be sent again safely.
                    _require(server.rcpt(recipient), "the recipient", recipient)
                code, answer = server.docmd("DATA")
                if code != _START_DATA:
                    raise smtplib.SMTPDataError(code, answer)
                server.send(_DOT.sub(b"..", mail) + (b"" if mail.endswith(b"\r\n") else b"\r\n"))
            failpoint("mail.body.sent")
            self._finish(server)
        finally:
            _leave(server)

    def _finish(self, server: smtplib.SMTP) -> None:
        try:
            server.send(b".\r\n")
            code, answer = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise _uncertain(f"{self._where} had all of the mail and gave no answer") from error
        if code != _DONE:
            raise self._failed(f"it refused the mail: {code} {_text(answer)}")

    def _connect(self) -> smtplib.SMTP:
        host, port, timeout_s = self._settings.host or "", self._settings.port, self._timeout_s
        if self._settings.tls is Tls.IMPLICIT:
            return smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=self._trust())
        return smtplib.SMTP(host, port, timeout=timeout_s)

    def _introduce(self, server: smtplib.SMTP) -> None:
        if self._settings.tls is Tls.STARTTLS:
            # Raises if the server offers none: neither mail nor password is ever sent in the clear.
            server.starttls(context=self._trust())
        if self._settings.credentials is not None:
            credentials = read_credentials(self._settings.credentials)
            server.login(credentials.user, credentials.password)
        server.ehlo_or_helo_if_needed()

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                "mail_ca_file",
                f"mail.ca_file {self._settings.ca_file} holds no certificates: {error}",
            ) from error

    @property
    def _timeout_s(self) -> float:
        return self._settings.timeout_s

    @contextmanager
    def _translating_failures(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                raise self._failed(f"no login: {_text(error.smtp_error)}") from error
            raise ConfigError(
                "mail_login",
                f"{self._where} refused the login: {error.smtp_code} {_text(error.smtp_error)};"
                f" correct {self._settings.credentials}",
            ) from error
        except smtplib.SMTPResponseException as error:
            reason = f"{error.smtp_code} {_text(error.smtp_error)}"
            raise self._failed(f"it answered {reason}") from error
        except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError and timeouts included
            raise self._failed(str(error) or type(error).__name__) from error

    def _failed(self, reason: str) -> TransientError:
        return TransientError(
            "mail_failed",
            f"the mail was not sent by {self._where}: {reason}",
            host=self._settings.host,
        )


class SendmailMailer:
    """The local sendmail, which queues what it accepts."""

    def __init__(self, program: Path, timeout_s: float) -> None:
        self._program = program
        self._timeout_s = timeout_s

    def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
        # -i: a line with a dot alone does not end the mail.
        argv = [str(self._program), "-i", "-f", sender, "--", *recipients]
        try:
            ended = run_process(
                argv,
                # On a pipe it expects the system's line ends.
                stdin=mail.replace(b"\r\n", b"\n"),
                pace=SteadyPace(),
                silent_after_s=self._timeout_s,
            )
        except TransientError as error:
            if error.code != "program_silent":
                raise
            raise _uncertain(error.message) from error
        if ended.status == _TEMPORARY_FAILURE or ended.status < 0:
            raise _uncertain(
                f"{self._program} ended with status {ended.status} ({ended.last_words})"
            )
        if ended.status:
            raise TransientError(
                "mail_failed",
                f"{ended.lead}the mail was not sent: {self._program} ended with status"
                f" {ended.status}: {ended.last_words}",
                program=str(self._program),
            )


def _require(answer: tuple[int, bytes], what: str, address: str) -> None:
    code, text = answer
    if code not in (250, 251):
        raise smtplib.SMTPResponseException(code, f"{_text(text)} ({what} {address})")


def _uncertain(what: str) -> DataError:
    return DataError(
        "mail_uncertain",
        f"{what}: the mail may have been sent, so it is not sent again automatically. Ask whether"
        " it has arrived, then record it: `vampctl mail NIGHT --mark-sent` if it has, else"
        " `vampctl mail NIGHT --send --yes`",
    )


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode("utf-8", "replace")


def _leave(server: smtplib.SMTP) -> None:
    # By now it is settled whether the mail was sent.
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()
