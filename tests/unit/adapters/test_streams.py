"""Files are parted among connections so that none waits for another, and all of them travel."""

from __future__ import annotations

import threading

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.builders.settings import make_settings
from vampd.adapters.archive.rsync import partial_folder
from vampd.adapters.archive.streams import all_at_once, split
from vampd.config.transfer import MOST_STREAMS

sizes = st.dictionaries(st.text(min_size=1), st.integers(0, 10**10), min_size=1, max_size=40)
streams = st.integers(1, MOST_STREAMS)


@given(sizes, streams, st.integers(0, 10**10))
def test_every_file_is_in_one_part_in_its_order(
    sizes: dict[str, int], streams: int, worth: int
) -> None:
    parts = split(sizes, streams, worth)
    assert sorted(path for part in parts for path in part) == sorted(sizes)
    order = list(sizes)
    for part in parts:
        assert part
        assert sorted(part, key=order.index) == list(part)


@given(sizes, streams)
def test_no_part_has_more_than_a_file_beyond_another(sizes: dict[str, int], streams: int) -> None:
    parts = split(sizes, streams, 0)
    loads = [sum(sizes[path] for path in part) for part in parts]
    assert len(parts) <= min(streams, len(sizes))
    assert max(loads) - min(loads) <= max(sizes.values())


@given(sizes, streams, st.integers(1, 10**10))
def test_no_connection_is_made_for_little(sizes: dict[str, int], streams: int, worth: int) -> None:
    assert len(split(sizes, streams, worth)) <= max(1, sum(sizes.values()) // worth)


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    ended: list[str] = []
    go_on = threading.Event()

    def fail(name: str) -> None:
        if name == "first":
            assert go_on.wait(10)  # which only another one lets it
        else:
            go_on.set()
        ended.append(name)
        raise ValueError(name)

    with pytest.raises(ValueError, match="first"):
        all_at_once([lambda: fail("first"), lambda: fail("second")])
    assert ended == ["second", "first"]
    assert all_at_once([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]


def test_no_two_copies_share_a_folder_of_partial_files() -> None:
    folders = {partial_folder(stream) for stream in range(MOST_STREAMS)}
    assert len(folders) == MOST_STREAMS
    assert ".vampd-partial" in folders  # what earlier versions left is found


@pytest.mark.parametrize(("cores", "many"), [(None, 1), (1, 1), (2, 1), (8, 2), (128, 4)])
def test_unless_it_is_set_the_cores_say_how_many(
    cores: int | None, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert make_settings().transfer.streams_at_once == many
    assert make_settings(transfer={"streams": 3}).transfer.streams_at_once == 3


def test_two_send_while_a_night_is_packed_by_different_connections_unless_one_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert make_settings().transfer.lanes == (range(1), range(1, 2))
    assert make_settings(transfer={"streams": 1}).transfer.lanes == (range(1),)
    for streams in range(2, MOST_STREAMS + 1):
        lanes = make_settings(transfer={"streams": streams}).transfer.lanes
        assert [number for lane in lanes for number in lane] == [*range(streams)]
        assert all(lanes)
