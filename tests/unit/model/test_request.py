"""A request is read as it was written, and nothing else is one."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.deed import Verb
from vampd.model.delivery import ManifestFile
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.request import Request, SeenState, format_request, parse_request

NIGHT = NightId("20251106", Kind.ARCHIVE)
ID = "0123456789abcdef" * 2
SEEN = SeenState(StageName.FPACK, Status.HELD, "stuck", 3, 1762400000.123456)
WHOLE = Request(
    ID, Verb.RETRY, NIGHT, SEEN, StageName.SYNC, "darks à suivre",
    (ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64),),
)  # fmt: skip


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(format_request(WHOLE)), **changes}).encode()


@pytest.mark.parametrize("request_", [WHOLE, Request(ID, Verb.HOLD, NIGHT, SEEN)])
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    assert parse_request(format_request(request_), ID) == request_


SEEN_KEYS = json.loads(format_request(WHOLE))["seen"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 10_000,
        format_request(WHOLE).replace(b"{", b'{"verb": "hold",', 1),
        changed(request=2),
        changed(id="f" * 32),
        changed(verb="purge"),
        changed(verb=["hold"]),
        changed(date="20251306"),
        changed(date="../../etc"),
        changed(date=20251106),
        changed(kind="both"),
        changed(stage="root"),
        changed(more=1),
        changed(reason="one\nmore"),
        changed(reason="\x1b[31mred"),
        changed(reason="\u202egnp"),
        changed(reason="\ud800"),
        changed(reason="x" * 501),
        changed(reason=["x"]),
        changed(seen=None),
        changed(seen={**SEEN_KEYS, "more": 1}),
        changed(seen={**SEEN_KEYS, "attempt": True}),
        changed(seen={**SEEN_KEYS, "attempt": "3"}),
        changed(seen={**SEEN_KEYS, "since": None}),
        changed(seen={**SEEN_KEYS, "code": 7}),
        changed(manifests=None),
        changed(manifests=["ab"]),
        changed(manifests=[["manifest_VMP_/../x", "a" * 64]]),
        changed(manifests=[["manifest_VMP_20251106.csv", "A" * 64]]),
        changed(manifests=[["manifest_VMP_20251106.csv", "a" * 64, 1]]),
    ],
)
def test_whatever_else_is_no_request(content: bytes) -> None:
    with pytest.raises(DataError) as error:
        parse_request(content, ID)
    assert error.value.code == "request_malformed"


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
JSON = (
    SCALARS
    | st.lists(SCALARS | st.lists(SCALARS, max_size=3), max_size=3)
    | st.dictionaries(st.text(max_size=5), SCALARS, max_size=3)
)


@given(key=st.sampled_from(sorted(json.loads(format_request(WHOLE)))), value=JSON)
def test_no_value_breaks_the_reader(key: str, value: Any) -> None:
    with suppress(DataError):
        parse_request(changed(**{key: value}), ID)
