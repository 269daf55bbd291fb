"""Mail servers on loopback: a real SMTP server that may misbehave, and a fake sendmail.

with running_mail_server(folder, tool) as server:
    mailer = SmtpMailer(make_mail(host=HOST, port=server.port, ...))
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from vampd.config import Mail

HOST = "127.0.0.1"
SENDER = "vampires@example.org"
STARS = ("stars@example.org", "archive@example.org")
USER, PASSWORD = "vampires", "a word of 3 parts"
_PATIENCE_S = 10.0

Tool = Callable[[str], str]


def make_mail(**keys: Any) -> Mail:
    """Settings of [mail] with which something can be sent."""
    base: dict[str, Any] = {"sender": SENDER, "recipients": STARS, "data_host_ip": "192.0.2.6"}
    return Mail.model_validate({**base, **keys})


@dataclass
class Received:
    """What the server took: the envelope, and whether it came over TLS."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    over_tls: bool

    @property
    def mail(self) -> EmailMessage:
        """The mail, as a reader parses it."""
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class Behaviour:
    """How the server treats its clients; answers replace its own."""

    recipient: str = ""  # what RCPT of the last recipient is answered
    begin: str = ""  # what DATA is answered
    end: str = ""  # what the end of DATA is answered
    dies_after_data: bool = False  # all was taken, and no answer comes: the connection is cut
    silent_after_data: bool = False  # ... or stays open


@dataclass
class MailServer:
    """A running server."""

    port: int
    certificate: Path
    received: list[Received] = field(default_factory=list)
    behaviour: Behaviour = field(default_factory=Behaviour)
    logins: list[bool] = field(default_factory=list)


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._server.behaviour.recipient and address == STARS[-1]:
            return self._server.behaviour.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        behaviour = self._server.behaviour
        if behaviour.end:
            return behaviour.end
        assert isinstance(envelope.content, bytes)
        self._server.received.append(
            Received(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                envelope.content,
                session.ssl is not None,
            )
        )
        if behaviour.dies_after_data:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if behaviour.silent_after_data:
            await asyncio.sleep(3 * _PATIENCE_S)
        return "250 OK"


class _Smtp(SMTP):
    """aiosmtpd, whose own answer to DATA can be replaced."""

    mail_server: MailServer

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if self.mail_server.behaviour.begin:
            await self.push(self.mail_server.behaviour.begin)
        else:
            await super().smtp_DATA(arg)


@contextmanager
def running_mail_server(
    folder: Path, tool: Tool, *, starttls: bool = True, login: bool = False
) -> Iterator[MailServer]:
    """An SMTP server until the block ends; only its certificate's own file vouches for it."""
    certificate, key = make_certificate(folder, tool)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    listener = socket.create_server((HOST, 0))
    server = MailServer(listener.getsockname()[1], certificate)

    def check(smtp: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = data == LoginPassword(USER.encode(), PASSWORD.encode())
        server.logins.append(good)
        return AuthResult(success=good, handled=False)

    def make() -> SMTP:
        smtp = _Smtp(
            _Handler(server),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=check if login else None,
            auth_required=login,
            loop=loop,
        )
        smtp.mail_server = server
        return smtp

    def serve() -> None:
        asyncio.set_event_loop(loop)
        listening = loop.run_until_complete(loop.create_server(make, sock=listener))
        loop.run_forever()
        listening.close()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=serve, name="mail server")
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def running_mute_server() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def make_certificate(folder: Path, tool: Tool) -> tuple[Path, Path]:
    """A self-signed certificate of the loopback address, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(tool("openssl"), "req", "-x509", "-nodes", "-days", "2"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=mail.example.org", "-addext", f"subjectAltName=IP:{HOST}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def write_credentials(folder: Path, text: str = f"{USER}\n{PASSWORD}\n", mode: int = 0o600) -> Path:
    """A credentials file."""
    path = folder / "credentials"
    path.write_text(text)
    path.chmod(mode)
    return path


def make_sendmail(folder: Path, *, status: int = 0, then: str = "") -> Path:
    """A sendmail that keeps its words and its mail in the folder, and exits with this status."""
    program = folder / "sendmail"
    program.write_text(
        "#!/bin/sh\n"
        f"printf '%s\\n' \"$@\" >> {folder}/sendmail.words\n"
        f"cd {folder} && cat > sendmail.new && mv sendmail.new sendmail.mail\n"
        f"echo x >> {folder}/sendmail.calls\n"
        f"{then}\necho 'queue is full' >&2\nexit {status}\n"
    )
    program.chmod(0o755)
    return program


def wait_for(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
