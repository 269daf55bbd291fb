"""The page of nights tells what `vampctl status` tells, and text from outside is text there."""

import html
import json
import re
from unittest.mock import Mock
from urllib.parse import urljoin, urlsplit

import pytest

from tests.support.web.served import Served, text_of
from tests.support.worlds.records.varied_nights import (
    HELD,
    PASSED,
    UNSAFE,
    WAITING,
)


def test_the_page_shows_the_nights_of_status_newest_first_and_their_sum(served: Served) -> None:
    *_, left, total, life = served.vampctl("status").splitlines()
    first = served.get("/")
    assert first.headers["content-type"].startswith("text/html")
    text = text_of(first.text)
    assert total in text
    assert life in text
    assert left.partition(";")[0] in text
    shown = [re.findall(r'href="night/([\d]+-\w+)"', row) for row in first.text.split("<tr ")]
    names = [row[0] for row in shown[2:]]
    assert len(names) == 60
    everything = [
        f"{one['date']}-{one['kind']}" for one in served.status() if one["status"] != "legacy"
    ]
    assert names == everything[::-1][:60]
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = served.get(f"/{html.unescape(older)}")
    assert [*re.findall(r'rowheader"><a href="night/([\d]+-\w+)"', second.text)] == (
        everything[::-1][60:]
    )
    assert "← newer" in second.text
    assert "older →" not in second.text


def test_whether_vampd_runs_is_said_as_by_vampctl(served: Served) -> None:
    assert served.json("/api/v1/daemon") == json.loads(served.vampctl("daemon", "--json"))
    assert "vampd is NOT running" in served.get("/").text


def test_what_needs_a_person_and_what_runs_stands_above_the_table(served: Served) -> None:
    above = served.get("/").text.partition("<table")[0]
    assert f"{HELD.date}-archive" in above
    assert f"{UNSAFE.date}-archive" in above
    assert "12/38 61%" in text_of(above)
    for one in served.status("--problems"):
        assert html.escape(one["note"], quote=True).replace("&#x27;", "&#39;") in above


@pytest.mark.parametrize("only", ["held", "unsafe", "unmailed", "problems"])
def test_a_choice_is_that_of_status(served: Served, only: str) -> None:
    page = served.get(f"/?only={only}").text
    names = re.findall(r'rowheader"><a href="night/([\d]+-\w+)"', page)
    assert names == [f"{o['date']}-{o['kind']}" for o in served.status(f"--{only}")][::-1]


def test_text_from_outside_is_text_on_every_page(served: Served) -> None:
    nights = (f"/night/{one.date}-{one.kind}" for one in (WAITING, PASSED, UNSAFE))
    for address in ("/", "/?only=problems", *nights):
        page = served.get(address).text
        assert page.count("<script") == 1
        assert "\u202e" not in page
        assert "\x1b" not in page
    page = served.get("/").text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\u202eitcejbo\\x1b[31m\\udcff" in page


@pytest.mark.parametrize(
    "address",
    ["/", "/?only=held", "/?page=99", "/?kind=archive&all=1", f"/night/{UNSAFE.date}-archive"],
)
def test_a_page_refers_to_nothing_elsewhere_and_every_link_leads_somewhere(
    served: Served, address: str
) -> None:
    page = served.get(address).text
    referred = re.findall(r'\b(?:href|src|action)="([^"]+)"', page)
    assert referred
    for link in map(html.unescape, referred):
        parts = urlsplit(link)
        if link.startswith("data:"):
            continue
        assert not parts.netloc, link
        assert not parts.scheme, link
        if parts.path or parts.query:
            target = urljoin(address, link)
            assert served.get(target).status == 200, link


def test_a_question_that_is_not_understood_says_why(served: Served) -> None:
    answer = served.get("/?only=%3Cscript%3E")
    assert answer.status == 400
    assert "only must be problems, held, unsafe, unmailed" in text_of(answer.text)
    assert answer.text.count("<script") == 1
    answer = served.get("/api/v1/nights?limit=x")
    assert answer.status == 400
    assert "limit must be a number" in json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    "address",
    ["/nothing", "/night/20200102-archive", "/night/20251106", "/night/../", "/night/",
      "/static/..%2fprogram.py", "/static/x.css", "/api/v1/nights/20200102-archive",
     "/api/v1/nights/x", "/api/v1/nights/", "//"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(served: Served, address: str) -> None:
    assert served.get(address).status == 404


def test_what_pages_refer_to_is_kept_by_browsers_until_it_is_another(served: Served) -> None:
    page = served.get("/").text
    for name in ("style.css", "live.js"):
        (address,) = re.findall(rf'"(static/{name}\?v=\w+)"', page)
        answer = served.get(f"/{address}")
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]


def test_a_page_without_scripts_is_asked_for_again_each_minute(served: Served) -> None:
    for address in ("/", "/disk", f"/night/{HELD.date}-archive"):
        page = served.get(address).text
        assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in page
        # Nothing is done by a script alone.
        assert not re.search(r"<[^>]*\s(on\w+=|href=.?javascript:)", page)


def test_the_first_page_is_small(served: Served) -> None:
    page = served.get("/")
    others = [served.get(f"/static/{name}").body for name in ("style.css", "live.js")]
    assert len(page.body) + sum(map(len, others)) <= 60_000
    packed = [served.get(a, accept_encoding="gzip") for a in ("/", "/static/style.css")]
    assert sum(len(one.body) for one in packed) <= 15_000
    referred = re.findall(r'(?:href|src)="(static/[^"]+)"', page.text)
    assert len(referred) == 2


def test_what_answers_leave_in_the_heap_is_given_back_now_and_then(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back = Mock()
    monkeypatch.setattr("vampd.web.application.shrink_heap", given_back)
    for number in range(150):
        assert served.get(f"/?page={number + 1}" if number % 2 else "/metrics").status == 200
    given_back.assert_called_once_with()
