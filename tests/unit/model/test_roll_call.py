"""A host counts among the crew while its sign beats, with this version and this root."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.roll_call import (
    CrewMember,
    Heard,
    choose_host,
    format_sign,
    listen,
    parse_sign,
    present,
)

MARK, VERSION, ORDER = "0" * 32, "1.2.3", "a" * 16
MEMBER = CrewMember("sc5", VERSION, MARK, 7, 4, 3, 1 << 30, {ORDER: (5, 1_000)})
COUNTS = st.integers(0, 1 << 60)
MEMBERS = st.builds(
    CrewMember,
    st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True),
    st.just(VERSION),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    COUNTS,
    st.integers(0, 1_000),
    st.integers(0, 1_000),
    COUNTS,
    st.dictionaries(
        st.text("0123456789abcdef", min_size=16, max_size=16), st.tuples(COUNTS, COUNTS), max_size=3
    ),
)


def names(heard: dict[str, Heard], now: float) -> list[str]:
    return [each.host for each in present(heard, now, 60.0, VERSION, MARK)]


def test_a_host_is_present_while_its_beat_is_new() -> None:
    heard = listen({}, [MEMBER], 100.0)
    assert names(heard, 159.0) == ["sc5"]
    assert names(listen(heard, [MEMBER], 150.0), 160.0) == []
    beaten = listen(heard, [replace(MEMBER, beat=8)], 150.0)
    assert names(beaten, 209.0) == ["sc5"]
    # A host that was started again counts anew.
    assert names(listen(heard, [replace(MEMBER, beat=0)], 150.0), 209.0) == ["sc5"]


def test_a_host_without_a_sign_is_gone() -> None:
    assert listen(listen({}, [MEMBER], 100.0), [], 101.0) == {}


@pytest.mark.parametrize("other", [{"version": "1.2.4"}, {"mark": "1" * 32}])
def test_another_version_and_another_root_get_no_orders(other: dict[str, str]) -> None:
    assert names(listen({}, [replace(MEMBER, **other)], 100.0), 100.0) == []  # type: ignore[arg-type]


def test_hosts_are_told_in_the_order_of_their_names() -> None:
    heard = listen({}, [MEMBER, replace(MEMBER, host="sc2")], 100.0)
    assert names(heard, 100.0) == ["sc2", "sc5"]


@given(MEMBERS)
def test_a_sign_is_read_as_it_was_written(member: CrewMember) -> None:
    assert parse_sign(format_sign(member)) == member


TEXT = format_sign(MEMBER).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[" * 100_000,
        TEXT.replace("sc5", "../sc5"),
        TEXT.replace("1.2.3", "\\u001b[2J"),
        TEXT.replace(MARK, "mark"),
        TEXT.replace('"beat":7', '"beat":-7'),
        TEXT.replace('"beat":7', '"beat":true'),
        TEXT.replace('"slots":4', '"slots":1000000'),
        TEXT.replace('"slots":4', '"slots":4,"more":4'),
        TEXT.replace('"slots":4,', ""),
        TEXT.replace("[5,1000]", "[5]"),
        TEXT.replace("[5,1000]", '"x"'),
        TEXT.replace(ORDER, "x"),
        TEXT.replace('"done":{', '"done":[').replace("}}", "]}"),
    ],
)
def test_what_is_no_sign_tells_of_no_host(text: str) -> None:
    assert parse_sign(text.encode()) is None


@pytest.mark.parametrize(
    ("places", "busy", "chosen"),
    [
        ({}, {}, None),
        ({"w1": 1}, {"w1": 1}, None),
        ({"w1": 1}, {"w1": 2}, None),
        ({"w2": 1, "w1": 1}, {}, "w1"),
        ({"w1": 4, "w2": 2}, {"w1": 3}, "w2"),
        ({"w1": 4, "w2": 2}, {"w1": 2, None: 9}, "w1"),
    ],
)
def test_the_host_with_the_most_free_places_is_chosen(
    places: dict[str, int], busy: dict[str | None, int], chosen: str | None
) -> None:
    assert choose_host(places, busy) == chosen
