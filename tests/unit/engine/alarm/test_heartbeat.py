"""The heartbeat says that vampd works while it does, and is silent or says so when it does not."""

from dataclasses import replace

import pytest

from tests.support.tools.terminal import RUNS
from tests.unit.model.alarm.records import HELD
from vampd.config import Heartbeat
from vampd.engine.alarm.heartbeat import Beating
from vampd.errors import TransientError
from vampd.model.alarm import Trouble, find_troubles
from vampd.model.life_sign import Life, LifeState

TROUBLES = find_troubles([HELD], {})


class Heard:
    """Whoever listens; what was said since the last look, and a clock."""

    def __init__(self, **keys: object) -> None:
        self.settings = Heartbeat.model_validate({"url": "http://x/", "every_s": 300, **keys})
        self.life: Life = RUNS
        self.troubles: tuple[Trouble, ...] = ()
        self.refusal: Exception | None = None
        self.now = 0.0
        self.said: list[tuple[str, str]] = []
        self.beating = Beating(
            lambda: self.life, lambda: self.troubles, "scexao5", lambda: self.now
        )

    def beat(self, signal: str, text: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.said.append((signal, text))

    def after(self, seconds: float) -> list[str]:
        """What is said after so long."""
        self.now += seconds
        self.said = []
        self.beating.beat_if_due(self.settings, self)
        return [signal for signal, _ in self.said]


def test_it_starts_and_then_says_at_its_period_that_all_is_well() -> None:
    heard = Heard()
    assert heard.after(0) == ["start", "success"]
    assert heard.after(299) == []
    assert heard.after(1) == ["success"]
    assert "vampd" in heard.said[0][1]
    assert "scexao5" in heard.said[0][1]


def test_a_vampd_that_stands_still_fails() -> None:
    heard = Heard()
    heard.life = replace(RUNS, state=LifeState.SILENT)
    assert heard.after(0) == ["start", "fail"]
    assert "stands still" in heard.said[1][1]


@pytest.mark.parametrize("fails", [True, False])
def test_troubles_fail_it_only_where_that_is_asked_for(fails: bool) -> None:
    heard = Heard(fails_for_troubles=fails)
    heard.troubles = TROUBLES
    assert heard.after(0) == ["start", "fail" if fails else "success"]
    assert ("card_missing" in heard.said[1][1]) == fails


def test_only_signals_that_are_known_there_are_sent() -> None:
    heard = Heard(signals=["success"])
    assert heard.after(0) == ["success"]
    heard.life = replace(RUNS, state=LifeState.SILENT)
    assert heard.after(300) == []
    heard.beating.fail(heard.settings, heard, "no memory")
    assert heard.said == []


def test_what_does_not_arrive_is_tried_again_soon() -> None:
    heard = Heard()
    heard.refusal = TransientError("heartbeat_failed", "no route")
    assert heard.after(0) == []
    heard.refusal = None
    assert heard.after(29) == []
    assert heard.after(1) == ["start", "success"]
    assert heard.after(30) == []


def test_an_end_by_an_error_is_said_at_once() -> None:
    heard = Heard()
    heard.beating.fail(heard.settings, heard, "the database is damaged")
    assert heard.said == [("fail", "vampd on scexao5 ends: the database is damaged\n")]
