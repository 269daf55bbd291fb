"""The page of a night tells what `vampctl` tells of it."""

import json
import re
from itertools import pairwise, takewhile

import pytest

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
from vampd.model.nights import NightUpdate
from vampd.model.proofs import PackingReceipt
from vampd.store.nights import Nights
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
    assert page.partition('id="attempts"')[2].partition('id="flow"')[0].count("<rect") == 6
    assert "2 files differ" in log


def test_a_nights_page_tells_of_its_mail_as_mailings_does(served: Served) -> None:
    mailings = json.loads(served.vampctl("mailings", "--json"))
    told = 0
    for mailing in mailings:
        for manifest in mailing["manifests"]:
            page = served.get(f"/night/{manifest['date']}-{manifest['kind']}").text
            mail = text_of(page.partition('id="mail"')[2].partition("</section>")[0])
            at = mailing["at"].replace("T", " ").removesuffix("Z")
            for words in (at, f"{manifest['name']} {mailing['outcome']}", *mailing["recipients"]):
                assert words in mail
            is_acknowledged = f"{manifest['name']} acknowledged" in mail
            assert is_acknowledged is (manifest["acknowledged_at"] is not None)
            told += is_acknowledged
    assert 0 < told < len(mailings)
    assert 'id="mail"' not in served.get(f"/night/{HELD.date}-archive").text


def flow_of(page: str) -> str:
    return page.partition('id="flow"')[2].partition("</section>")[0]


def test_a_nights_flow_is_drawn_and_told_by_numbers_that_fill_the_whole(served: Served) -> None:
    (shown,) = served.status(HELD.date, "--kind=archive")
    flow = flow_of(served.get(f"/night/{HELD.date}-archive").text)
    told = re.findall(
        r'class="depth(\d)"><th[^>]*>([^<]+)</th><td[^>]*>([\d,]+)</td><td[^>]*>([^<]+)</td>'
        r'.*?x="([\d.]+)" width="([\d.]+)" height="10"/></svg>',
        flow,
    )
    numbers = {words: int(number.replace(",", "")) for _, words, number, *_ in told}
    said = shown["frame_flow"]
    assert said["balanced"]
    assert said["raw"] == shown["frames"] == numbers["raw"]
    assert numbers["in 71 products, not all packed yet"] == said["in_products"] == 84_800
    assert numbers["set aside, 41 cubes"] == said["set_aside"] == 15_200
    assert numbers["timing_cut, 40 cubes"] == said["aside"]["timing_cut"]["frames"]
    assert (numbers["in pairs"], numbers["solo"]) == (80_000, 4_800)
    # Parts fill their whole, one beside the other, and are drawn as long as they are.
    bars = [(depth, float(x), float(width)) for depth, _, _, _, x, width in told]
    for depth in "12":
        these = [(x, width) for own, x, width in bars if own == depth]
        assert these[0][0] == 0
        for (x, width), (after, _) in pairwise(these):
            assert abs(x + width - after) < 4
        assert abs(sum(these[-1]) - 1000) < 0.1
    assert "&lt;0.1%" in flow
    assert "<title>" not in flow


def test_a_flow_whose_sums_do_not_agree_is_not_drawn_and_says_so(served: Served) -> None:
    flow = flow_of(served.get(f"/night/{MAILED.date}-archive").text)
    assert "<svg" not in flow
    assert "NOT drawn" in flow
    assert "10,007 raw frames, and 10,000 in products or set aside" in flow
    assert f"vampctl audit {MAILED.date} --kind archive" in flow


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": 100_001}, "the night has 100,001 raw frames, and sync placed 100,000"),
        ({"products": 70}, "the night has 70 products, and frames went into 71"),
        ({"frame_flow": "{}"}, "Known when sync has ended"),
    ],
)
def test_a_flow_that_differs_from_the_night_is_not_drawn(own: Served, change, said) -> None:
    with opened(own.site.database) as store:
        Nights(store).update(HELD, NightUpdate(**change))
    flow = flow_of(own.get(f"/night/{HELD.date}-archive").text)
    assert "<svg" not in flow
    assert said in flow


def test_reasons_from_outside_are_text_in_the_flow(served: Served) -> None:
    flow = flow_of(served.get(f"/night/{UNSAFE.date}-archive").text)
    assert "&lt;script&gt;alert(" in flow
    assert "<script" not in flow
    assert "\u202e" not in flow


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
