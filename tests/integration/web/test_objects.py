"""Programs get the objects of `vampctl ... --json` of the same moment."""

import json
import re

import pytest

from tests.support.web.served import Served
from tests.support.worlds.records.varied_nights import (
    HELD,
    HOSTILE,
)


def test_all_objects_are_those_of_status(served: Served) -> None:
    assert served.json("/api/v1/nights?limit=0") == served.status()


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("limit=7", ("--last", "7")),
        ("", ("--last", "60")),
        ("limit=0&only=held", ("--held",)),
        ("limit=0&only=unsafe", ("--unsafe",)),
        ("limit=0&only=unmailed", ("--unmailed",)),
        ("limit=0&only=problems", ("--problems",)),
        ("limit=0&kind=engineering&since=2025-10-20", ("--kind=engineering", "--since=20251020")),
    ],
)
def test_a_part_of_the_objects_is_the_same_part_of_status(served, query, options) -> None:
    found = served.json(f"/api/v1/nights?{query}")
    assert found == served.status(*options)
    assert found


def test_pages_of_objects_lead_through_all_of_them(served: Served) -> None:
    address = "/api/v1/nights?limit=40&kind=archive"
    found: list = []
    while True:
        answer = served.get(address)
        found = [*json.loads(answer.body), *found]
        if "link" not in answer.headers:
            break
        link = re.fullmatch(r'<(\?[^>]+)>; rel="next"', answer.headers["link"])
        assert link is not None
        address = f"/api/v1/nights{link[1]}"
    assert found == served.status("--kind=archive")


def test_one_nights_object_has_its_events(served: Served) -> None:
    (expected,) = served.status(HELD.date, "--kind=archive")
    assert served.json(f"/api/v1/nights/{HELD.date}-archive") == expected
    assert expected["events"]


def test_text_from_outside_is_exact_for_programs(served: Served) -> None:
    answer = served.get("/api/v1/nights?limit=0")
    assert answer.body.isascii()
    assert any(HOSTILE in one["note"] for one in json.loads(answer.body))
