"""A request is read as it was written, and nothing else is one."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.deed import Verb
from vampd.model.delivery import ManifestFile
from vampd.model.nights import (
    HELD_BY_PERSON,
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
)
from vampd.model.proofs import DestinationOrigin, KnownDestination
from vampd.model.request import (
    Move,
    Request,
    SeenState,
    destination_seen,
    format_request,
    move_of,
    parse_request,
    request_id_of,
    request_name,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
ID = "0123456789abcdef" * 2
SEEN = SeenState(StageName.FPACK, Status.HELD, "stuck", 3, 1762400000.123456)
WHOLE = Request(
    ID, Verb.RETRY, NIGHT, SEEN, StageName.SYNC, "darks à suivre",
    (ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64),),
)  # fmt: skip


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(format_request(WHOLE)), **changes}).encode()


NIGHTLESS = Request(ID, Verb.LEDGER, None, None)


@pytest.mark.parametrize("request_", [WHOLE, Request(ID, Verb.HOLD, NIGHT, SEEN), NIGHTLESS])
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
        changed(manifests=[["manifest_VMP_20251106.csv", "a" * 63]]),
        changed(manifests=[["manifest_VMP_20251106.csv", "a" * 65]]),
        changed(manifests=[["manifest_VMP_" + "x" * 81, "a" * 64]]),
        # In ASCII alone, and no number that is none.
        format_request(WHOLE).replace(b"\\u00e0", "à".encode()),
        changed(seen={**SEEN_KEYS, "since": float("nan")}),
    ],
)
def test_whatever_else_is_no_request(content: bytes) -> None:
    with pytest.raises(DataError) as error:
        parse_request(content, ID)
    assert error.value.code == "request_malformed"


@pytest.mark.parametrize("named", [{"date": NIGHT.date}, {"kind": "archive"}])
def test_a_deed_that_concerns_no_night_names_none(named: dict[str, str]) -> None:
    content = json.dumps({**json.loads(format_request(NIGHTLESS)), **named}).encode()
    with pytest.raises(DataError, match="expected a request"):
        parse_request(content, ID)


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        (f"{ID}.json", ID),
        (f"{ID}xjson", None),
        (f"{ID}.json~", None),
        (f"{ID[1:]}.json", None),
        (f"{ID.upper()}.json", None),
    ],
)
def test_a_name_that_is_no_requests_gives_no_identity(name: str, identity: str | None) -> None:
    assert request_id_of(name) == identity
    assert request_id_of(request_name(ID)) == ID


@pytest.mark.parametrize("status", [Status.DONE, Status.WAITING])
@pytest.mark.parametrize("purge_after", [None, 2.0])
def test_a_hold_takes_the_mark_for_deletion_from_a_done_night_alone(
    status: Status, purge_after: float | None
) -> None:
    state = State(StageName.MANIFEST, status)
    record = NightRecord(NIGHT, state, purge_after=purge_after)
    unmarks = status is Status.DONE and purge_after is not None
    assert move_of(Verb.HOLD, record, None, "keep it") == (
        Move(Event(EventName.UNMARKED), None, "keep it")
        if unmarks
        else Move(Event(EventName.HELD), HELD_BY_PERSON, "keep it")
    )


def test_an_archive_is_seen_by_destination_and_mark() -> None:
    known = KnownDestination(
        "there:/archive",
        "0" * 32,
        is_placed=True,
        origin=DestinationOrigin.PLACED,
        actor="vampd",
        at=1.0,
    )
    assert destination_seen(known) == ("there:/archive", "0" * 32)
    assert destination_seen(replace(known, mark=None)) == ("there:/archive", "")
    assert destination_seen(None) is None


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
