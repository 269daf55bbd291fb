"""What a request asks for is read strictly: what is not understood is refused with its name."""

import pytest

from vampd.errors import UsageError
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.web.asked import (
    Choice,
    NightsAsked,
    ObjectsAsked,
    Only,
    night_name,
    parse_night_name,
    read_nights_asked,
    read_objects_asked,
    read_page_asked,
    refuse_words,
)
from vampd.web.standings import Standing

NIGHT = NightId("20251106", Kind.ARCHIVE)


def test_nothing_asked_is_the_newest_of_all() -> None:
    assert read_nights_asked([]) == NightsAsked(Choice(), leaves_out=True, page=1)
    assert read_objects_asked([]) == ObjectsAsked(Choice(), limit=60, before=None)


def test_what_a_form_leaves_empty_is_not_asked() -> None:
    empty = [("kind", ""), ("only", ""), ("since", "")]
    assert read_nights_asked(empty) == NightsAsked()


def test_what_is_asked_is_taken() -> None:
    asked = [("kind", "archive"), ("only", "held"), ("since", "2025-11-06")]
    choice = Choice(Kind.ARCHIVE, Only.HELD, "20251106")
    assert read_nights_asked([*asked, ("all", "1"), ("page", "3")]) == NightsAsked(choice, False, 3)
    more = [("limit", "0"), ("before", "20251106-archive")]
    assert read_objects_asked([*asked, *more]) == ObjectsAsked(choice, 0, NIGHT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "both"), ("only", "done"), ("since", "yesterday"), ("since", "20251399"),
        ("page", "-1"), ("page", "1e3"), ("page", "٣"), ("color", "red"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError):
        read_nights_asked([(name, value)])


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "-1"), ("limit", "9999999"), ("before", "20251106"), ("page", "1")],
)
def test_what_is_not_understood_is_refused_of_objects_too(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        read_objects_asked([(name, value)])


def test_a_page_that_takes_no_words_refuses_them() -> None:
    refuse_words([])
    with pytest.raises(UsageError, match="it takes none"):
        refuse_words([("x", "y")])
    assert read_page_asked([("page", "0")]) == 1


def test_a_night_in_an_address_is_date_and_kind() -> None:
    assert parse_night_name(night_name(NIGHT)) == NIGHT
    for wrong in (
        "20251106",
        "20251106-",
        "20251106-both",
        "20251306-archive",
        "x-archive",
        "../x",
    ):
        assert parse_night_name(wrong) is None


def standing(**flags: bool) -> Standing:
    names = ("is_passed_over", "has_problem", "is_held", "is_unsafe", "is_unmailed")
    return Standing(
        NIGHT,
        StageName.MANIFEST,
        Status.DONE,
        0.0,
        **{name: flags.get(name, False) for name in names},
        frames=0,
        bytes=0,
    )


@pytest.mark.parametrize(
    ("only", "flag"),
    [
        (Only.PROBLEMS, "has_problem"),
        (Only.HELD, "is_held"),
        (Only.UNSAFE, "is_unsafe"),
        (Only.UNMAILED, "is_unmailed"),
    ],
)
def test_a_choice_takes_what_stands_so_and_nothing_else(only: Only, flag: str) -> None:
    choice = Choice(only=only)
    assert choice.takes(standing(**{flag: True}))
    assert not choice.takes(standing())


def test_a_choice_takes_one_kind_and_from_a_date_on() -> None:
    assert Choice().takes(standing())
    assert Choice(kind=Kind.ARCHIVE, since="20251106").takes(standing())
    assert not Choice(kind=Kind.ENGINEERING).takes(standing())
    assert not Choice(since="20251107").takes(standing())
