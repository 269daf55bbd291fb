"""What became of requests, as it is kept: the newest first, and a season of them."""

from vampd.model.request import Answer, Outcome
from vampd.store.database.connection import Store
from vampd.store.people.answers import StoredAnswers

DAY_S = 86400.0


def _answer(number: int, at: float) -> Answer:
    return Answer(f"{number:032x}", 1000, "ann", at, Outcome.REFUSED, "not while it runs")


def test_the_newest_answers_come_first_and_no_more_than_are_asked_for(store: Store) -> None:
    answers = StoredAnswers(store)
    for number, at in ((1, 20.0), (2, 30.0), (3, 10.0)):
        answers.refuse(_answer(number, at))
    assert [one.at for one in answers.newest(2)] == [30.0, 20.0]


def test_an_answer_is_kept_for_ninety_days_and_goes_with_the_next_one(store: Store) -> None:
    answers = StoredAnswers(store)
    first = answers.refuse(_answer(1, 0.0))
    answers.refuse(_answer(2, 90 * DAY_S))
    assert answers.answer(first.id) == first
    third = answers.refuse(_answer(3, 90 * DAY_S + 1))
    assert answers.answer(first.id) is None
    assert [one.id for one in answers.newest(9)] == [third.id, _answer(2, 0.0).id]
