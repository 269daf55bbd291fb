"""Several programs at one host at once, and how many."""

from __future__ import annotations

import threading

import pytest

from tests.support.builders.settings import make_settings
from vampd.adapters.archive.rsync import partial_folder
from vampd.adapters.archive.streams import all_at_once
from vampd.config.transfer import MOST_STREAMS


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


def test_three_parts_travel_at_once_unless_another_number_is_wanted_or_suits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cores, many in ((2, 3), (16, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert make_settings().transfer.connections == many
    for streams in range(1, MOST_STREAMS + 1):
        assert make_settings(transfer={"streams": streams}).transfer.connections == streams
