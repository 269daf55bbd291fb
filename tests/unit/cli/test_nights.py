"""Which night a person means."""

from dataclasses import replace

import pytest

from vampd.cli.shared.nights import choose_record, choose_records, parse_night, with_kinds
from vampd.cli.shared.output import write, write_error, write_prose
from vampd.cli.shared.typed_nights import forget_names
from vampd.errors import EXIT_USAGE, UsageError
from vampd.model.nights import Kind, NightId, NightRecord, State


def record(date: str, kind: Kind = Kind.ARCHIVE) -> NightRecord:
    return NightRecord(NightId(date, kind), State())


RECORDS = (
    record("20250101"),
    record("20251104"),
    record("20251106"),
    record("20251106", Kind.ENGINEERING),
    record("20251109", Kind.ENGINEERING),
    record("20260102"),
)


@pytest.mark.parametrize("text", ["20251106", "2025-11-06"])
def test_a_night_has_two_spellings(text: str) -> None:
    assert parse_night(text) == "20251106"


@pytest.mark.parametrize(
    "text", ["", "20251131", "2025-1106", "202511066", "20251106 ", "x", "2025-11-6", "٢٠٢٥١١٠٦"]
)
def test_nothing_else_is_a_night(text: str) -> None:
    with pytest.raises(UsageError, match="UT date"):
        parse_night(text)


def test_a_date_with_both_kinds_gives_both_and_needs_a_kind_for_one() -> None:
    assert len(choose_records(RECORDS, "2025-11-06", None)) == 2
    with pytest.raises(UsageError, match="--kind archive or --kind engineering"):
        choose_record(RECORDS, "20251106", None)
    for kind in Kind:
        assert choose_record(RECORDS, "20251106", kind).night == NightId("20251106", kind)


def test_an_unknown_night_names_the_three_nearest_oldest_first() -> None:
    with pytest.raises(UsageError) as caught:
        choose_records(RECORDS, "20251107", None)
    assert caught.value.exit_status == EXIT_USAGE
    assert caught.value.message == (
        "no night 20251107 is known; nearest: 20251106 (archive),"
        " 20251106 (engineering), 20251109 (engineering)"
    )


def test_what_is_no_date_names_nights_that_look_like_it() -> None:
    with pytest.raises(UsageError, match=r"not '2026010'; nearest: .*20260102 \(archive\)"):
        choose_records(RECORDS, "2026010", None)


def test_the_other_kind_of_a_date_is_named() -> None:
    with pytest.raises(UsageError, match="20251109 is known as an engineering night only"):
        choose_records(RECORDS, "20251109", Kind.ARCHIVE)


def test_where_no_night_is_known_none_is_proposed() -> None:
    with pytest.raises(UsageError, match="vampd has found no night yet"):
        choose_records((), "20251106", None)


def test_what_is_shown_of_a_date_with_both_kinds_can_be_typed() -> None:
    text = "gone; `vampctl retry 20251106 --from transfer`, else `vampctl recover 20251106`"
    both = [replace(record("20251106", kind), error=text, note=text) for kind in Kind]
    alone = replace(record("20251107"), error=text)
    *typed, other = with_kinds([*both, alone])
    for each in typed:
        name = f"20251106 --kind {each.night.kind}"
        assert each.error == each.note == text.replace("20251106", name)
    assert with_kinds(typed) == tuple(typed)
    assert other == alone


def test_all_that_is_written_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    text = "gone; `vampctl retry 20251106`, then `vampctl mail 20251106`"
    both = [record("20251106", kind) for kind in Kind]
    for written in (write, write_prose, write_error):
        forget_names()
        written(text)
        choose_record(both, "20251106", Kind.ENGINEERING)
        written(text)
        # Another date is named as before, and so is this one where it has one night.
        choose_record([*both, record("20251107")], "20251107", None)
        written(text.replace("06", "07"))
        plain, named, other = "".join(capsys.readouterr()).splitlines()
        assert plain == text
        assert named == text.replace("retry 20251106", "retry 20251106 --kind engineering")
        assert other == text.replace("06", "07")
    forget_names()
