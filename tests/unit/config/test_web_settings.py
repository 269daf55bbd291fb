"""[web]: where the page listens, and its names."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from vampd.config.web import Web


@pytest.mark.parametrize(
    ("listen", "place"),
    [
        ("127.0.0.1:8390", ("127.0.0.1", 8390)),
        ("localhost:80", ("127.0.0.1", 80)),
        ("[::1]:8390", ("::1", 8390)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("unix:/run/vampd-web/web.sock", Path("/run/vampd-web/web.sock")),
    ],
)
def test_a_place_is_an_address_or_a_socket(listen: str, place: object) -> None:
    assert Web(listen=listen).place == place


@pytest.mark.parametrize(
    "listen",
    ["", "8390", ":8390", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
     "host.example:80", "unix:web.sock", "unix:", "127.0.0.1:+80", "127.0.0.1:٣"],
)  # fmt: skip
def test_any_other_place_is_refused(listen: str) -> None:
    with pytest.raises(ValidationError, match=r"127\.0\.0\.1:8390"):
        Web(listen=listen)


def test_a_name_is_that_of_a_host() -> None:
    assert Web(names=("vampires.example.org", "sc5")).names == ("vampires.example.org", "sc5")
    for wrong in ("", "a b", "http://x", "x:80", ".x", "*"):
        with pytest.raises(ValidationError):
            Web(names=(wrong,))
