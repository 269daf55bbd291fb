"""Which night a person means."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.main import get_command

from docs.completion import words_of
from tests.support.tools.terminal import fake_world
from vampd.cli.program import make_app
from vampd.cli.shared.nights import (
    NightWord,
    choose_record,
    choose_records,
    parse_night,
    show_each,
    with_kinds,
)
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


@pytest.mark.parametrize(
    ("word", "kind", "dates"),
    [
        ("last", None, ["20260102"]),
        ("last", Kind.ENGINEERING, ["20251109"]),
        # Both kinds of that date, as the date itself gives.
        ("yesterday", None, ["20251106", "20251106"]),
    ],
)
def test_a_command_that_only_reads_takes_the_newest_night_and_the_ut_date_before_this_one(
    word: str, kind: Kind | None, dates: list[str]
) -> None:
    just_after_midnight = datetime(2025, 11, 7, 0, 0, 1, tzinfo=UTC).timestamp()
    chosen = choose_records(RECORDS, word, kind, just_after_midnight)
    assert [one.night.date for one in chosen] == dates


@pytest.mark.parametrize("word", NightWord)
def test_a_command_that_acts_wants_the_date_and_says_so(word: str) -> None:
    with pytest.raises(UsageError, match="words are for the commands that only read"):
        choose_records(RECORDS, word, None)


def test_a_word_for_a_night_that_is_not_there_names_the_date_or_the_kind() -> None:
    christmas = datetime(2025, 12, 25, 12, tzinfo=UTC).timestamp()
    with pytest.raises(UsageError, match="no night 20251224 is known; nearest"):
        choose_records(RECORDS, "yesterday", None, christmas)
    with pytest.raises(UsageError, match="no engineering night yet"):
        choose_records([record("20260102")], "last", Kind.ENGINEERING, christmas)


def test_what_one_of_two_nights_cannot_show_hides_nothing_of_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = RECORDS[2:4]

    def show(shown: NightRecord) -> int:
        if shown.night.kind is Kind.ARCHIVE:
            raise UsageError("not_synchronised", "no generation yet")
        write("the other")
        return 1

    assert show_each(both, show) == EXIT_USAGE
    written = capsys.readouterr()
    assert written.out == "\nthe other\n"
    assert written.err == "20251106 archive: no generation yet\n"
    # Of one night the error is the command's own.
    with pytest.raises(UsageError):
        show_each(both[:1], show)


@pytest.mark.parametrize(("statuses", "ended"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_two_nights_end_with_the_worse_of_their_exit_statuses(
    statuses: tuple[int, int], ended: int
) -> None:
    left = iter(statuses)
    assert show_each(RECORDS[2:4], lambda _: next(left)) == ended


ONLY_READ = ("status", "why", "history", "log", "plan", "audit", "summary", "plot", "get")


def test_exactly_the_commands_that_only_read_take_words_and_complete_them() -> None:
    program = get_command(make_app())
    words = {
        name: set(words_of(command, name).words)
        for name, command in getattr(program, "commands", {}).items()
    }
    assert {name for name, known in words.items() if known >= set(NightWord)} == set(ONLY_READ)


@pytest.mark.parametrize("command", ["retry", "release", "restore", "purge", "hold"])
def test_what_changes_a_night_refuses_a_word(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world(monkeypatch)
    world.store.discover(NightId("20251106", Kind.ARCHIVE), 0.0)
    assert world.fail(command, "last").code == "not_a_night"


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
