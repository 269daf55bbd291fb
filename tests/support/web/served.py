"""A site with its pages, and `vampctl` on it, at the same standing moment."""

import html
import json
import re
import time
from typing import Any

import pytest
from starlette.types import ASGIApp
from typer.testing import CliRunner

from tests.support.daemon.site import Site
from tests.support.web.asgi import Answer, ask
from tests.support.worlds.records.varied_nights import (
    NOW,
)
from vampd.cli import program
from vampd.config import load_settings
from vampd.web.application import make_application


class Served:
    """Asks both; the clock stands."""

    def __init__(self, site: Site, patch: pytest.MonkeyPatch) -> None:
        self.site, self.settings = site, load_settings(site.config)
        self.app: ASGIApp = make_application(self.settings, lambda: NOW)
        patch.setattr(time, "time", lambda: NOW)

    def get(self, address: str, **headers: str) -> Answer:
        return ask(self.app, address, **headers)

    def json(self, address: str) -> Any:
        answer = self.get(address)
        assert answer.status == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return json.loads(answer.body)

    def vampctl(self, *words: str) -> str:
        words = (*words, "--config", str(self.site.config))
        result = CliRunner().invoke(program.app_for(words), words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def status(self, *words: str) -> list:
        said = self.vampctl("status", "--json", *words)
        # What is logged here goes to the same place.
        return json.loads(said[said.index("[\n") :])


def text_of(page: str) -> str:
    """What a reader sees of a page."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))
