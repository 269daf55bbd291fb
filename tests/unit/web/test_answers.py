"""A page is made again when the database or the minute is another, and only then."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tests.support.web.asgi import Answer, ask
from vampd.web.serving.answers import FRESH_S, Answers, Made

TEXT = "a page " * 400


class World:
    """A database's version and a clock that tests turn, and what was made of them."""

    def __init__(self, most_bytes: int = 1 << 20) -> None:
        self.version, self.now, self.made = 1, 1000.0, 0
        self.answers = Answers(lambda: self.version, lambda: self.now, most_bytes)
        self.app = Starlette(routes=[Route("/{name}", self._page)])

    async def _page(self, request):
        return await self.answers.answer(request.url.path, self._make, request.headers)

    def _make(self, now: float) -> Made:
        self.made += 1
        return Made(f"{self.version} {now // FRESH_S} {TEXT}".encode(), "text/html")

    def ask(self, **headers: str) -> Answer:
        return ask(self.app, "/page", **headers)


def test_what_did_not_change_is_not_made_again_and_not_sent_again() -> None:
    world = World()
    first = world.ask()
    again = world.ask(if_none_match=first.headers["etag"])
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert world.made == 1


def test_what_changed_is_made_again() -> None:
    world = World()
    first = world.ask()
    world.version = 2
    second = world.ask(if_none_match=first.headers["etag"])
    assert second.status == 200
    assert second.text.startswith("2 ")
    assert world.made == 2


def test_what_a_page_says_of_time_is_no_older_than_a_minute() -> None:
    world = World()
    first = world.ask()
    world.now += FRESH_S - 1
    assert world.ask().body == first.body
    world.now += 1
    assert world.ask(if_none_match=first.headers["etag"]).status == 200
    # A clock that was set back is no reason to believe a page of the future.
    world.now -= 10 * FRESH_S
    world.ask()
    assert world.made == 3


def test_a_page_made_again_alike_is_the_same_page() -> None:
    assert World().ask(if_none_match=World().ask().headers["etag"]).status == 304


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*"])
def test_whoever_takes_gzip_gets_less(accepted: str) -> None:
    answer = World().ask(accept_encoding=accepted)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < 200
    assert gzip.decompress(answer.body).decode().endswith(TEXT)


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"])
def test_whoever_does_not_take_gzip_gets_all(accepted: str) -> None:
    answer = World().ask(accept_encoding=accepted)
    assert "content-encoding" not in answer.headers
    assert answer.text.endswith(TEXT)


def test_packed_and_not_are_two_things_to_a_cache_and_one_to_who_asks() -> None:
    world = World()
    plain, packed = world.ask(), world.ask(accept_encoding="gzip")
    assert plain.headers["etag"] != packed.headers["etag"]
    tags = f'"other", W/{packed.headers["etag"]}'
    assert world.ask(if_none_match=tags).status == 304
    assert world.ask(if_none_match='"other"').status == 200


def test_what_is_kept_is_bounded() -> None:
    world = World(most_bytes=3 * len(TEXT))
    for number in range(20):
        assert ask(world.app, f"/{number}").status == 200
    kept = world.answers._kept
    assert 1 <= len(kept) <= 3
    assert sum(one.size for one in kept.values()) == world.answers._size <= 3 * len(TEXT)
    assert ask(world.app, "/19").status == 200
    assert world.made == 20


def test_what_nobody_can_get_any_more_is_not_kept() -> None:
    world = World()
    ask(world.app, "/1")
    world.version = 2
    ask(world.app, "/2")
    assert list(world.answers._kept) == ["/2"]
    world.now += FRESH_S
    ask(world.app, "/3")
    assert list(world.answers._kept) == ["/3"]
    assert world.answers._size == world.answers._kept["/3"].size
