"""Each page beside those of nights tells what a command of vampctl tells at the same moment."""

import html
import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import urljoin

import pytest

from tests.support.web.served import Served, text_of
from tests.support.worlds.records.varied_nights import HELD, HOSTILE, MAILED, UNSAFE, WAITING
from vampd.web.pages.sheet import MOST_LINES
from vampd.web.pages.sheets import MENU, SHEETS, SheetKind

named = pytest.mark.parametrize("kind", SHEETS, ids=lambda kind: kind.name)


def add_ids(database: object, nights: int = 1) -> None:
    """40 IDs a night, of which one is unused, and gaps between; an unused grant with its reason."""
    with closing(sqlite3.connect(str(database))) as connection, connection:
        for number in range(1, nights + 1):
            date, why = f"2025{number // 28 + 1:02}{number % 28 + 1:02}", None
            request = "INSERT INTO frame_id_requests VALUES (?, ?, 'archive', 40, ?, 'x', ?)"
            connection.execute(request, (number, date, "0" * 64, why))
            connection.executemany(
                "INSERT INTO frame_ids (number, request_id, date, kind, identity, applied)"
                " VALUES (?, ?, ?, 'archive', ?, ?)",
                [
                    (100 * number + n, number, date, f"{number}x{n}" if n else None, n > 1)
                    for n in range(40)
                ],
            )
        refused = (
            "29991231",
            "archive",
            7,
            "0" * 64,
            "x",
            HOSTILE.encode("utf-8", "surrogatepass"),
        )
        connection.execute(
            "INSERT INTO frame_id_requests (date, kind, wanted, digest, why, refused)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            refused,
        )


@named
def test_programs_get_the_objects_of_the_command(served: Served, kind: SheetKind) -> None:
    words = kind.command.split()[1:]
    said = served.vampctl(*words, "--json")
    # What is logged here goes to the same place.
    begin = re.search(r"^[\[{]", said, re.MULTILINE)
    assert begin is not None
    expected = json.loads(said[begin.start() :])
    assert expected
    assert served.json(f"/api/v1/{kind.name}") == expected


@named
def test_a_page_is_in_the_menu_of_every_page_and_names_its_command(
    served: Served, kind: SheetKind
) -> None:
    page = served.get(f"/{kind.name}").text
    menu = re.findall(r'<nav class="menu".*?</nav>', page)[0]
    assert re.findall(r'href="([^"]+)"', menu) == ["./", *(name for name, _ in MENU if name)]
    assert re.findall(r'aria-current="page">([^<]+)<', menu) == [kind.title]
    assert f"<code>{kind.command}</code>" in page
    night = served.get(f"/night/{HELD.date}-archive").text
    assert f'href="../{kind.name}"' in night
    assert 'aria-current="page"' not in night


@named
def test_a_page_shows_text_from_outside_as_text_and_leads_only_where_something_is(
    own: Served, kind: SheetKind
) -> None:
    add_ids(own.site.database)
    answer = own.get(f"/{kind.name}")
    assert answer.text.count("<script") == 1
    assert "\u202e" not in answer.text
    assert "\x1b" not in answer.text
    assert " style=" not in answer.text
    for link in map(html.unescape, re.findall(r'\b(?:href|src)="([^"#]+)"', answer.text)):
        target = urljoin(f"/{kind.name}", link)
        assert link.startswith("data:") or own.get(target).status == 200, link
    assert len(answer.body) <= 300_000


@named
def test_a_question_is_refused_where_nothing_can_be_asked(served: Served, kind: SheetKind) -> None:
    assert served.get(f"/{kind.name}?page=2").status == 400
    assert served.get(f"/api/v1/{kind.name}?x=1").status == 400


@named
def test_every_drawing_has_its_numbers_below_it(served: Served, kind: SheetKind) -> None:
    page = served.get(f"/{kind.name}").text
    parts = re.findall(r"<svg.*?</svg>.*?</details>", page, re.DOTALL)
    assert len(parts) == page.count("<svg")
    for part in parts:
        drawing, _, listed = part.partition("</svg>")
        assert 'role="img" aria-label="' in drawing
        assert drawing.count("<rect") == listed.count('<th scope="row">') > 0
    assert len(parts) == {"transfers": 2, "disk": 1}.get(kind.name, 0)


def test_the_disk_has_the_words_of_the_command(served: Served) -> None:
    page = text_of(served.get("/disk").text)
    rows = [line.strip().split(maxsplit=1)[1] for line in served.vampctl("disk").splitlines()]
    assert len(rows) > 6
    for words in rows:
        assert words.rpartition("  ")[2] in page
    (nights, database) = served.json("/api/v1/disk")["disks"]
    assert nights["forecast"]["nights_at_least"] <= nights["forecast"]["nights_at_most"]
    assert (nights["all_bytes"], database["free_bytes"]) == (12 * 10**12, 4 * 10**10)
    assert database["reserve_bytes"] == 0


def test_transfers_say_what_waits_and_why(served: Served) -> None:
    page = served.get("/transfers").text
    assert f'href="night/{WAITING.date}-archive"' in page
    (waiting,) = served.json("/api/v1/transfers")["at_work"]
    assert waiting in served.status()
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page
    last = served.json("/api/v1/transfers")["last"]
    ends = [one["ended_at"] for one in last]
    assert ends == sorted(ends, reverse=True)
    assert {one["outcome"] for one in last} == {"advanced", "failed"}


def test_the_ledger_tells_next_ids_gaps_and_unused_grants(own: Served) -> None:
    add_ids(own.site.database, 3)
    found = own.json("/api/v1/ledger")
    assert found == json.loads(own.vampctl("ledger", "--json"))
    assert found["next"] == {"raw": "VMPA00000340"}
    assert [one["count"] for one in found["gaps"]] == [60, 60]
    assert (found["granted"], found["bound"], found["applied"], found["unused"]) == (
        120, 117, 114, 3,
    )  # fmt: skip
    (unused,) = found["refused"]
    assert (unused["wanted"], unused["granted"], unused["reason"]) == (7, 0, HOSTILE)
    page = text_of(own.get("/ledger").text)
    for line in own.vampctl("ledger").splitlines():
        assert line.split()[-1] in page, line
    assert "VMPA00000340, or later" in page
    # No page is there of nights that vampd does not know.
    assert 'href="night/20250102' not in own.get("/ledger").text


def test_of_a_long_list_the_first_lines_are_shown_and_programs_get_all(own: Served) -> None:
    add_ids(own.site.database, MOST_LINES + 5)
    answer = own.get("/ledger")
    nights = answer.text.partition('id="nights"')[2]
    assert nights.count('<tr role="row">') == MOST_LINES + 1
    assert f"the first {MOST_LINES} of {MOST_LINES + 5}" in nights
    assert len(own.json("/api/v1/ledger")["nights"]) == MOST_LINES + 5
    assert len(answer.body) <= 300_000


def test_mail_tells_what_is_acknowledged_and_what_is_to_be_mailed(served: Served) -> None:
    page = served.get("/mailings").text
    unmailed, _, mailed = page.partition('id="mailed"')
    for one in served.status("--unmailed"):
        assert f"night/{one['date']}-{one['kind']}" in unmailed
    newest = served.json("/api/v1/mailings")[0]
    assert newest["manifests"][0]["date"] == MAILED.date
    assert newest["manifests"][0]["acknowledged_at"] is None
    assert ">not yet</span>" in mailed
    assert mailed.count(">yes</span>") == len(served.json("/api/v1/mailings")) - 1


def test_problems_are_those_of_status_with_vampd_itself(served: Served) -> None:
    page = text_of(served.get("/problems").text)
    for one in served.status("--problems"):
        assert one["date"] in page
        assert one["note"] in page
    assert f"{UNSAFE.date}" in page
    assert "vampd is NOT running" in page
    assert "2 nights need a person." in page
