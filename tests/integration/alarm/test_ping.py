"""A URL is asked for as healthchecks wants it, within its time, and stays a secret."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.tools.mail_server import make_certificate, running_mute_server
from tests.support.web.pinged import HOST, Pinged, running_dripping, running_pinged
from vampd.adapters.alarm.ping import PingedUrl
from vampd.adapters.credentials import read_secret
from vampd.errors import ConfigError, TransientError, VampdError

SECRET = "5bf66975"


@pytest.fixture
def server() -> Iterator[Pinged]:
    with running_pinged() as running:
        yield running


def beat(url: str, signal: str = "success", within_s: float = 10.0, **keys: Path) -> None:
    PingedUrl(lambda: url, within_s, **keys).beat(signal, "vampd on scexao5: idle\n")


def fail(url: str, **keys: float) -> VampdError:
    with pytest.raises(VampdError) as caught:
        beat(url, **keys)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)
    return caught.value


def test_each_signal_has_its_path_and_the_text_is_the_body(server: Pinged) -> None:
    for signal in ("start", "success", "fail"):
        beat(server.url, signal)
    text = "vampd on scexao5: idle\n"
    assert server.asked == [
        ("POST", f"/ping/{SECRET}/start", text),
        ("POST", f"/ping/{SECRET}", text),
        ("POST", f"/ping/{SECRET}/fail", text),
    ]


def test_a_url_may_end_in_a_slash_or_have_a_query(server: Pinged) -> None:
    beat(f"{server.url}/", "fail")
    beat(f"{server.url}?status=up")
    assert server.paths == [f"/ping/{SECRET}/fail", f"/ping/{SECRET}?status=up"]


def test_no_more_is_sent_than_is_kept_there(server: Pinged) -> None:
    PingedUrl(lambda: server.url, 10.0).beat("fail", "x" * 50_000)
    assert len(server.asked[0][2]) == 10_000


@pytest.mark.parametrize("status", [302, 404, 409, 500])
def test_what_was_not_taken_is_a_failure_and_no_redirection_is_followed(
    server: Pinged, status: int
) -> None:
    server.status, server.answer = status, b"x" * 1_000_000
    error = fail(server.url)
    assert (type(error), error.code) == (TransientError, "heartbeat_failed")
    assert f"answered {status}" in error.message
    assert len(error.message) < 400
    assert len(server.asked) == 1


def test_a_server_that_is_away_mute_or_drips_costs_its_time_and_no_more() -> None:
    assert "was not reached" in fail(f"http://{HOST}:1/{SECRET}").message
    for running in (running_dripping, running_mute_url):
        with running() as url:
            began = time.monotonic()
            assert "was not reached" in fail(f"{url}/{SECRET}", within_s=0.5).message
            assert time.monotonic() - began < 10


def running_mute_url() -> "MuteUrl":
    return MuteUrl()


class MuteUrl:
    """The URL of a server that says nothing."""

    def __enter__(self) -> str:
        self._server = running_mute_server()
        return f"http://{HOST}:{self._server.__enter__()}"

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(None, None, None)


def test_a_certificate_is_verified(tmp_path: Path, tool: Callable[[str], str]) -> None:
    certificate = make_certificate(tmp_path, tool)
    with running_pinged(certificate) as server:
        assert "certificate" in fail(server.url).message
        assert server.asked == []
        beat(server.url, ca_file=certificate[0])
        assert server.paths == [f"/ping/{SECRET}"]


def test_a_url_in_a_file_is_read_only_where_nobody_else_may(server: Pinged, tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.url"
    path.write_text(f"{server.url}\n")
    path.chmod(0o600)
    PingedUrl(lambda: read_secret(path), 10.0).beat("success", "")
    assert server.paths == [f"/ping/{SECRET}"]
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        PingedUrl(lambda: read_secret(path), 10.0).beat("success", "")


def test_what_a_file_holds_in_place_of_a_url_is_never_quoted(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.url"
    for text in (f"ftp://{SECRET}\n", f"{SECRET}\nmore\n", ""):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(ConfigError) as caught:
            PingedUrl(lambda: read_secret(path), 10.0).beat("success", "")
        assert SECRET not in str(caught.value)
