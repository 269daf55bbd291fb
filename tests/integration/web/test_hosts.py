"""The page of nights tells of the hosts that pack what `vampctl crew` counts of them."""

import re
from dataclasses import replace

import pytest

from tests.support.web.served import Served, text_of
from tests.support.worlds.records.varied_nights import NOW
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.model.life_sign import HostAccount, LifeSign

W1, W2 = HostAccount(123_440_000, 0), HostAccount(94_000_000, 1_002)


def leave(served: Served, hosts: dict[str, HostAccount], stopped_at: float | None = None) -> None:
    sign = LifeSign(
        version="1.2.3", process=own_mark(), database=inode_of(served.site.database),
        up_since=NOW - 60, seen_at=NOW - 1, hosts=hosts,
    )  # fmt: skip
    path = sign_path(served.site.database)
    leave_sign(path, replace(sign, stopped_at=stopped_at))


def hosts_of(page: str) -> list[str]:
    section = re.search(r'<section aria-labelledby="hosts".*?</section>', page, re.DOTALL)
    lines = re.findall("<li>(.*?)</li>", section.group()) if section else []
    return [text_of(line) for line in lines]


def test_the_page_says_how_fast_each_host_packs_and_what_was_lost_there(own: Served) -> None:
    leave(own, {"w2": W2, "w1": W1})
    page = own.get("/").text
    assert hosts_of(page) == ["w1 123.4 MB/s", "w2 94.0 MB/s 1,002 lost"]
    assert "in the last 10 minutes" in text_of(page)


@pytest.mark.parametrize("stopped_at", [NOW - 1, None])
def test_without_hosts_or_vampd_the_page_says_nothing_of_them(
    own: Served, stopped_at: float | None
) -> None:
    leave(own, {} if stopped_at is None else {"w1": W1}, stopped_at)
    assert "MB/s" not in text_of(own.get("/").text)


def test_a_page_with_many_hosts_is_small(own: Served) -> None:
    leave(own, {f"node{number:03}.cluster.example": W2 for number in range(64)})
    page = own.get("/")
    assert len(hosts_of(page.text)) == 64
    others = [own.get(f"/static/{name}").body for name in ("style.css", "live.js")]
    assert len(page.body) + sum(map(len, others)) <= 60_000


def test_the_name_of_a_host_is_text(own: Served) -> None:
    leave(own, {"<script>\x1b": W1})
    assert hosts_of(own.get("/").text) == ["<script>\\x1b 123.4 MB/s"]
