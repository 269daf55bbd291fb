"""The page in Debian's chromium: as wide as people have it, light and dark, by keyboard alone.

Every page that links lead to is looked at, so that a new one is under these laws at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

import pytest

from tests.benchmarks.web_server import Server, page_of
from tests.support.daemon.running import running, vampctl, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.web.browser import open_browser
from tests.support.worlds.records.varied_nights import (
    HELD,
    HOSTILE,
    MAILED,
    PASSED,
    RUNNING,
    UNSAFE,
    WAITING,
    make_varied,
)
from vampd.model.escapes import show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.soak
_NIGHTS = 70
WIDTHS = (320, 1280, 1920)
SCHEMES = ("light", "dark")
SPECIAL = {f"{one.date}-{one.kind}" for one in (HELD, MAILED, PASSED, RUNNING, UNSAFE, WAITING)}
# A page may be as old as it says, and asks again each quarter of a minute.
_SOON_S = 180.0
# What the browser itself tells of a server that is away.
_AWAY = re.compile("Failed to load resource: net::ERR_(CONNECTION_|EMPTY_RESPONSE)")
# Gives each thing that a person can act on, and that is shown, its number.
_NUMBER_FOCUSABLE = """() => {
    const all = document.querySelectorAll(
        "a[href], button, input, select, summary, [tabindex='0']");
    return [...all].filter(one => one.checkVisibility()).map((one, n) => one.dataset.n = n).length;
}"""
# By how much the table of nights is wider than its place, 0 where there is none.
_CUT = """() => {
    const place = document.querySelector(".nights")?.parentElement;
    return place ? place.scrollWidth - place.clientWidth : 0;
}"""


class Seen:
    """A page in a browser, with all that it did not do right."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.home = page, f"http://127.0.0.1:{server.port}"
        self.complaints: list[str] = []
        page.on("console", lambda one: self.complaints.append(f"{one.type}: {one.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._refuse)
        page.on("request", self._look_at)
        page.on("response", self._hear)

    def _refuse(self, dialog: Any) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def _look_at(self, request: Any) -> None:
        if not request.url.startswith((f"{self.home}/", "data:image/svg+xml,")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _hear(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def open(self, address: str) -> None:
        self.page.goto(self.home + address, wait_until="load")

    @property
    def text(self) -> str:
        """What a reader sees."""
        return self.page.locator("body").inner_text()

    @property
    def stale(self) -> str:
        """What the page says where its server does not answer."""
        return str(self.page.locator("#stale").text_content())

    def links(self) -> list[str]:
        """The addresses that links of the page lead to."""
        hrefs = self.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        return [urldefrag(href)[0].removeprefix(self.home) for href in hrefs]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("site"), web={"listen": "127.0.0.1:0"})
    make_varied(site.database, _NIGHTS)
    return site


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with page_of(site.config) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def look(browser: Browser, server: Server, width: int = 1280, scheme: str = "light") -> Seen:
    # Its driver need not be installed where types are checked.
    asked: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    context = browser.new_context(**asked)
    context.set_default_timeout(120_000)
    return Seen(context.new_page(), server)


@pytest.fixture(scope="module")
def pages(browser: Browser, server: Server) -> list[str]:
    """Each page that there is; of the nights' those of each kind, of lists two of each."""
    seen, waiting, found = look(browser, server), ["/"], ["/"]
    lists: dict[str, int] = {}
    while waiting:
        seen.open(waiting.pop())
        for address in seen.links():
            path = urlsplit(address).path
            if address in found or (path.startswith("/night/") and path[7:] not in SPECIAL):
                continue
            lists[path] = lists.get(path, 0) + 1
            if lists[path] <= 2:
                found.append(address)
                waiting.append(address)
    seen.page.context.close()
    assert len(found) >= len(SPECIAL) + 2
    return found


def test_without_scripts_nights_are_chosen_read_and_unfolded(
    browser: Browser, server: Server
) -> None:
    asked: Any = {"java_script_enabled": False}
    context = browser.new_context(**asked)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.get_by_label("Only").select_option("held")
    page.get_by_role("button", name="Show").click()
    rows = page.locator("table.nights tbody tr")
    assert rows.count() == 1
    rows.get_by_role("link").click()
    assert page.url.endswith(f"/night/{HELD.date}-archive")
    attempts = page.locator("#attempt-list table")
    assert not attempts.is_visible()
    page.locator("#attempt-list summary").click()
    assert attempts.is_visible()
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_is_whole_legible_and_asks_nobody_else(
    browser: Browser, server: Server, pages: list[str], width: int, scheme: str
) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    seen = look(browser, server, width, scheme)
    found: list[str] = []
    for address in pages:
        seen.open(address)
        wide = seen.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{address}: {wide} px wide")
        if width >= 1280 and (cut := seen.page.evaluate(_CUT)):
            found.append(f"{address}: {cut} px of the table of nights are cut off")
        seen.page.evaluate(axe)
        verdict = seen.page.evaluate("axe.run()")
        assert verdict["passes"], address
        found += [
            f"{address}: {one['id']}: {one['help']}: {one['nodes'][0]['html']}"
            for one in verdict["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        found += [f"{address}: {words}" for words in seen.complaints]
        seen.complaints.clear()
    seen.page.context.close()
    assert found == []


def test_every_page_is_used_by_keyboard_alone(
    browser: Browser, server: Server, pages: list[str]
) -> None:
    seen = look(browser, server)
    for address in pages:
        seen.open(address)
        count = seen.page.evaluate(_NUMBER_FOCUSABLE)
        reached: list[int] = []
        for _ in range(count):
            seen.page.keyboard.press("Tab")
            number, outline = seen.page.evaluate(
                "() => [document.activeElement.dataset.n,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            assert number is not None, f"{address}: the focus is lost after {reached[-1:]}"
            assert outline != "none", f"{address}: nobody sees where the focus is"
            reached.append(int(number))
        assert reached == list(range(count)), address
    seen.open("/")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"
    seen.page.locator(f"tbody a[href$='{UNSAFE.date}-archive']").focus()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(f"**/night/{UNSAFE.date}-archive")
    seen.page.locator("summary").first.focus()
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("details[open]").count() == 1
    assert seen.complaints == []
    seen.page.context.close()


def test_the_numbers_are_those_of_vampctl_of_the_same_moment(
    browser: Browser, server: Server, site: Site
) -> None:
    seen = look(browser, server, 1920)
    while True:
        before = vampctl(site, "status", COLUMNS="300").stdout
        seen.open("/")
        text = seen.text
        rows = seen.page.eval_on_selector_all(
            "table.nights tbody tr",
            "all => all.map(row => [...row.cells].map(cell => cell.innerText.trim()))",
        )
        # Ages go on; of one moment is what did not change around the page.
        if vampctl(site, "status", COLUMNS="300").stdout == before:
            break
    *table, _, total, life = before.splitlines()
    assert total in text
    assert life in text
    lines = {tuple(line.split()[:2]): line for line in table if line.strip()}
    assert len(rows) == 60
    for date, kind, stage, status, progress, frames, size, age, *_ in rows:
        line = lines[date, kind]
        words = (stage.split()[-1], status, progress, frames, size, age)
        for word in words:
            assert " ".join(word.split()) in " ".join(line.split()), (date, word, line)
    seen.page.context.close()


def test_hostile_names_are_text(browser: Browser, server: Server) -> None:
    seen = look(browser, server)
    for night in (WAITING, PASSED, UNSAFE):
        seen.open(f"/night/{night.date}-{night.kind}")
        assert show(HOSTILE) in seen.text
        assert seen.page.evaluate("document.scripts.length") == 1
    seen.open("/?only=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert seen.page.evaluate("document.scripts.length") == 1
    # The answer to a question that is none, and no dialog.
    assert {one[:3] for one in seen.complaints} <= {"400", "err"}
    seen.page.context.close()


def test_pages_go_on_while_vampd_and_vampd_web_are_killed_and_started(
    browser: Browser, tmp_path: Path
) -> None:
    site = make_site(tmp_path, web={"listen": "127.0.0.1:0"})
    with running(site) as daemon:
        wait_until(lambda: "up since" in vampctl(site, "daemon").stdout, "vampd is up")
        with page_of(site.config) as server:
            seen = look(browser, server)
            seen.open("/")
            life = seen.page.locator(".life")
            assert "good" in str(life.get_attribute("class"))
            daemon.kill()
            _wait_for(seen, ".life.bad")
            for address in ("/", "/metrics", "/api/v1/nights"):
                assert server.get(address).status == 200
            with running(site):
                _wait_for(seen, ".life.good")
            _wait_for(seen, ".life.bad")
            assert seen.complaints == []
            port = server.port
        # The page that nobody serves says how old it is, and goes on when it can.
        wait_until(lambda: "no answer" in seen.stale, "the page says that it is old", _SOON_S)
        text = site.config.read_text()
        site.config.write_text(text.replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"'))
        with page_of(site.config) as server:
            wait_until(lambda: not seen.stale, "the page goes on", _SOON_S)
            seen.open("/")
            assert "vampd" in seen.text
        assert [one for one in seen.complaints if not _AWAY.search(one)] == []
        seen.page.context.close()


def _wait_for(seen: Seen, selector: str) -> None:
    seen.page.wait_for_selector(selector, timeout=_SOON_S * 1000)
