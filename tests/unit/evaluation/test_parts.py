"""A long judgement goes on where it stopped, and calls each measure that is not held."""

from dataclasses import replace

import pytest

from tests.evaluation import parts
from tests.evaluation.decision import Score
from tests.evaluation.parts import OLD, SYNC, Measures

GOOD = Score(frames=2_000, true_pairs=1_000, right_pairs=1_000, right_labels=900, clear=1_000)


def test_a_part_begins_where_the_one_before_it_ended(monkeypatch, tmp_path, capsys):
    judged = []

    def score(night):
        judged.append(night)
        return {SYNC: GOOD, OLD: GOOD}

    class InOrder:
        __enter__ = __exit__ = lambda self, *_: self
        map = staticmethod(map)

    monkeypatch.setattr(parts, "_score", score)
    monkeypatch.setattr(parts, "_KEPT", tmp_path)
    monkeypatch.setattr(parts, "_BATCH", 3)
    monkeypatch.setattr(parts, "ProcessPoolExecutor", lambda jobs: InOrder())
    seconds = iter([0.0, 0.0, 61.0, 0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr("tests.evaluation.parts.time.monotonic", lambda: next(seconds))
    wanted = [(name, seed) for seed in (5, 6) for name in ("one", "two")]
    assert parts.judge_part(["one", "two"], range(5, 7), 1, 1) == 0
    assert judged == wanted[:3]
    assert "3 of 4 nights judged" in capsys.readouterr().out
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text() + '\n["two", 6, {"syn')  # a kill
    assert parts.judge_part(["one", "two"], range(5, 7), 1, 1) == 0
    assert judged == wanted
    # After a change of what is judged, nothing is known.
    monkeypatch.setattr(parts, "_digest", lambda: "other")
    monkeypatch.setattr("tests.evaluation.parts.time.monotonic", lambda: 0.0)
    parts.judge_part(["one"], range(5, 6), 1, 1)
    assert judged == [*wanted, ("one", 5)]


@pytest.mark.parametrize(
    ("changes", "name", "broken"),
    [
        ({}, "calm", ()),
        ({"lost": 1}, "calm", ("frames lost or doubled",)),
        ({"doubled": 1}, "calm", ("frames lost or doubled",)),
        ({"wrong_pairs": 1}, "calm", ("wrong pairs", "more wrong than the old tools")),
        ({"wrong_labels": 1}, "calm", ("wrong labels", "more wrong than the old tools")),
        ({"right_pairs": 999}, "calm", ()),
        ({"right_pairs": 998}, "calm", ("missed pairs",)),
        ({"right_pairs": 995}, "late_bursts", ()),
        ({"right_pairs": 994}, "late_bursts", ("missed pairs",)),
        ({"dubious": 10}, "calm", ()),
        ({"dubious": 11}, "calm", ("dubious",)),
        ({"steady": 1_000, "steady_dubious": 2}, "calm", ()),
        ({"steady": 1_000, "steady_dubious": 3}, "calm", ("steady dubious",)),
        ({"right_labels": 899}, "calm", ("fewer right labels than the old tools",)),
    ],
)
def test_a_measure_is_held_up_to_its_limit(changes, name, broken):
    measures = Measures(name, 1, replace(GOOD, **changes), GOOD)
    assert measures.broken == broken
    assert ("BROKEN" in str(measures)) == bool(broken)
