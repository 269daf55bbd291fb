"""The page of a night tells what `vampctl` tells of it."""

import json
import re
from itertools import takewhile

from tests.support.web.served import Served, text_of
from tests.support.worlds.records.varied_nights import (
    HELD,
    MAILED,
    PASSED,
    RUNNING,
    UNSAFE,
    WAITING,
    opened,
)
from vampd.model.proofs import PackingReceipt
from vampd.store.packing_receipts import StoredPackingReceipts


def test_a_nights_page_says_what_status_says_of_it(served: Served) -> None:
    for night in (HELD, UNSAFE, MAILED, WAITING, RUNNING, PASSED):
        said = served.vampctl("status", night.date, f"--kind={night.kind}").splitlines()
        facts = [line.split(maxsplit=1) for line in takewhile(bool, said[1:])]
        text = text_of(served.get(f"/night/{night.date}-{night.kind}").text)
        assert len(facts) > 6
        for name, *value in facts:
            assert name in text
            for words in value:
                assert words.replace("`", "") in text


def test_a_nights_page_says_what_to_do_and_why_as_why_does(served: Served) -> None:
    why = json.loads(served.vampctl("why", HELD.date, "--kind=archive", "--json"))
    page = text_of(served.get(f"/night/{HELD.date}-archive").text)
    assert why["advice"]
    for one in why["advice"]:
        assert one["command"] in page
        assert one["what"] in page
    assert why["last_error"]["message"] in page
    assert "More frames are unpaired, dubious or set aside" in page


def test_a_nights_page_lists_its_events_and_attempts(served: Served) -> None:
    (history,) = json.loads(served.vampctl("history", UNSAFE.date, "--kind=archive", "--json"))
    page = served.get(f"/night/{UNSAFE.date}-archive").text
    log = page.partition('id="history"')[2]
    assert log.count('<th scope="row">') == len(history["events"])
    assert page.partition('id="attempts"')[2].partition('id="products"')[0].count("<rect") == 6
    assert "2 files differ" in log


def test_a_nights_products_have_their_proofs(served: Served) -> None:
    page = served.get(f"/night/{UNSAFE.date}-archive").text.partition('id="products"')[2]
    assert "4 files, 2.80 MB; 3 proven at the archive" in page
    assert page.count('<th scope="row" class="path">') == 4
    assert "not read" in page
    assert "\\u202e" in page


def test_many_products_come_in_pages(own: Served) -> None:
    with opened(own.site.database) as store:
        receipts = [
            PackingReceipt(f"vgen2/{number:05}.fits.fz", 9, "a" * 64, None, 3)
            for number in range(450)
        ]
        StoredPackingReceipts(store).record(HELD, receipts, at=5.0)
    address, seen = f"/night/{HELD.date}-archive", []
    for page in ("", "?page=2", "?page=3"):
        answer = own.get(address + page)
        seen += re.findall(r"vgen2/(\d+)\.fits", answer.text)
        assert len(answer.body) <= 300_000
    assert seen == [f"{number:05}" for number in range(450)]
    assert own.get(f"{address}?page=99").body == own.get(f"{address}?page=3").body


def test_a_nights_page_leads_to_its_neighbors(served: Served) -> None:
    page = served.get(f"/night/{UNSAFE.date}-archive").text
    links = re.findall(r'rel="(prev|next)" href="([^"]+)"', page)
    assert dict(links) == {"prev": "20251101-archive", "next": f"{UNSAFE.date}-engineering"}
