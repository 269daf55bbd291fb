"""Only a question for a page, by a name of the page, is answered, and under what rules."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.web.asgi import ask
from vampd.web.serving.guard import Guard


def page(request):
    return PlainTextResponse("a page")


APP = Guard(Starlette(routes=[Route("/", page, methods=["GET", "POST"])]), ["VAMPIRES.example"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_question_is_answered(method: str) -> None:
    assert ask(APP, "/", method).status == 200


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"]
)
def test_nothing_but_a_question_is_answered(method: str) -> None:
    answer = ask(APP, "/", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8390", "LOCALHOST", "127.0.0.1:8390", "[::1]:8390", "192.0.2.7",
        "vampires.example", "Vampires.Example:443",
    ],
)  # fmt: skip
def test_a_name_of_the_page_or_an_address_is_answered(host: str) -> None:
    assert ask(APP, "/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "[::1",
        "vampires.example.evil.example", "localhost@evil.example", "localhost:port",
    ],
)  # fmt: skip
def test_a_name_that_was_pointed_here_is_not_answered(host: str) -> None:
    assert ask(APP, "/", host=host).status == 421


def test_two_names_or_none_are_not_answered() -> None:
    guard = Guard(APP, [])
    assert not guard.knows([])
    assert not guard.knows(["localhost", "localhost"])


@pytest.mark.parametrize("headers", [{"content_length": "1"}, {"transfer_encoding": "chunked"}])
def test_a_question_has_no_body_and_what_has_one_ends_the_connection(headers) -> None:
    answer = ask(APP, "/", **headers)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"


def test_an_address_has_a_bounded_length() -> None:
    assert ask(APP, "/?" + "x" * 2000).status == 200
    assert ask(APP, "/?" + "x" * 2050).status == 414


@pytest.mark.parametrize("address", ["/", "/nothing", "/?" + "x" * 3000])
def test_every_answer_forbids_all_that_is_not_from_here(address: str) -> None:
    headers = ask(APP, address).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'", "data:"}
    assert policy["img-src"] == "data:"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
