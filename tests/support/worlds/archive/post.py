"""A finished night and a mail server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import connected
from tests.support.tools.mail_server import (
    SENDER,
    STARS,
)
from vampd.model.delivery import (
    Correspondence,
    Mailing,
    MailState,
)
from vampd.model.nights import NightId
from vampd.stages.records.manifest_files import read_manifests

Tool = Callable[[str], str]


ADDRESSES = {"sender": SENDER, "recipients": list(STARS), "data_host_ip": "192.0.2.6"}


@dataclass(frozen=True)
class Post:
    """A site with one finished archive night and a sendmail that keeps what it gets."""

    site: Site
    night: NightId

    @property
    def calls(self) -> int:
        path = self.site.base / "sendmail.calls"
        return len(path.read_text().split()) if path.exists() else 0

    @property
    def mail(self) -> EmailMessage:
        content = (self.site.base / "sendmail.mail").read_bytes()
        read = message_from_bytes(content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def folder(self) -> Path:
        return self.site.folder(self.night)

    def correspondence(self) -> Correspondence:
        with connected(self.site) as connections:
            return connections.mail_log.correspondence(self.night)

    def states(self) -> list[MailState]:
        with connected(self.site) as connections:
            correspondence = connections.mail_log.correspondence(self.night)
            texts = read_manifests(self.night, connections.reader)
        return [correspondence.state_of(text.file) for text in texts]

    def only_mailing(self) -> Mailing:
        (mailing,) = self.correspondence().mailings
        return mailing

    def use(self, **keys: object) -> None:
        program = self.site.base / "sendmail"
        table = {**ADDRESSES, "sendmail": str(program), "timeout_s": 3, **keys}
        configure(self.site, mail=table, retry=QUICK)

    def status(self) -> dict[str, object]:
        done = vampctl(self.site, "status", self.night.date, "--json")
        (shown,) = json.loads(done.stdout)
        assert isinstance(shown, dict)
        return shown


QUICK = {"first_delay_s": 0.2, "max_delay_s": 0.2, "attempts": 3}


def retry(post: Post) -> None:
    done = vampctl(post.site, "retry", post.night.date, "--from", "manifest")
    assert done.returncode == 0, done.stderr
