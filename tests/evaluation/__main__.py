"""The table: ``python -m tests.evaluation --seeds 50 [--jobs 2] [scenario ...]``.

First the scenarios whose limits sync keeps, then those of the handshake trigger; for
each of the latter, the rules that are judged beside each other. Exit status 1 if a limit of the
first table is broken. With ``--minutes`` a part of that, and one table of what is asked of sync.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import MappingProxyType

from tests.evaluation.decision import Score
from tests.evaluation.event_nights import event_night
from tests.evaluation.judges import JUDGES, score_night, score_scenario
from tests.evaluation.parts import judge_part
from tests.evaluation.random_nights import random_night
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS
from tests.evaluation.suite import Tally, judge_scenario
from vampd.simulate.night import SimulatedNight
from vampd.simulate.scenario import Scenario

_COLUMNS = (
    *("frames", "lost", "doubled", "aside", "wrong pairs", "missed %", "wrong labels"),
    *("dubious %", "worst %", "miscut", "needless", "unsaid", "verdict"),
)
_SCORE_COLUMNS = (
    *("judge    ", "frames", "lost", "doubled", "aside", "wrong pairs", "missed %", "wrong labels"),
    *("right labels", "dubious %", "steady dubious %"),
)

_RANDOM: Mapping[str, Callable[[int], SimulatedNight]] = MappingProxyType(
    {"random": random_night, "rough": partial(random_night, rough=True), "event": event_night}
)


def main() -> None:
    """Judge the named scenarios, all by default, and print their lines."""
    arguments = _parse()
    if arguments.random:
        with ProcessPoolExecutor(arguments.jobs) as executor:
            seeds = range(arguments.first, arguments.first + arguments.random)
            for kind in _RANDOM:
                _print_random(executor, seeds, kind)
        return
    names = arguments.scenarios or [*SCENARIOS, *HANDSHAKE_SCENARIOS]
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    if arguments.minutes:
        sys.exit(judge_part(names, seeds, arguments.minutes, arguments.jobs))
    width = max(len(name) for name in names)
    with ProcessPoolExecutor(arguments.jobs) as executor:
        broken = _print_limits(executor, [n for n in names if n in SCENARIOS], seeds, width)
        _print_scores(executor, names, seeds, width)
    sys.exit(1 if broken else 0)


def _print_limits(
    executor: ProcessPoolExecutor, names: list[str], seeds: range, width: int
) -> list[Tally]:
    print(f"{'scenario':<{width}}" + "".join(f"  {column}" for column in _COLUMNS))
    broken: list[Tally] = []
    chosen = [SCENARIOS[name] for name in names]
    for tally in executor.map(partial(_judge, seeds=seeds), chosen):
        print(f"{tally.scenario:<{width}}" + _line(tally), flush=True)
        broken += [tally] if tally.broken else []
    for tally in broken:
        print(f"{tally.scenario}: {'; '.join(tally.broken)}")
    print(f"{len(chosen)} scenarios, {len(seeds)} seeds each: {len(broken)} break a limit\n")
    return broken


def _print_scores(
    executor: ProcessPoolExecutor, names: list[str], seeds: range, width: int
) -> None:
    print(f"{'scenario':<{width}}" + "".join(f"  {column}" for column in _SCORE_COLUMNS))
    totals = dict.fromkeys(JUDGES, Score())
    every = {**SCENARIOS, **HANDSHAKE_SCENARIOS}
    scores = executor.map(partial(score_scenario, seeds=seeds), [every[name] for name in names])
    for name, by_judge in zip(names, scores, strict=True):
        for judge, score in by_judge.items():
            print(f"{name:<{width}}" + _score_line(judge, score), flush=True)
            totals[judge] += score
    for judge, score in totals.items():
        print(f"{'all':<{width}}" + _score_line(judge, score))


def _print_random(executor: ProcessPoolExecutor, seeds: range, kind: str) -> None:
    """The figures of random nights: each night on which a rule is wrong, and the sums."""
    print(f"{'night':<12}" + "".join(f"  {column}" for column in _SCORE_COLUMNS))
    totals = dict.fromkeys(JUDGES, Score())
    scores = executor.map(partial(_score_random, kind=kind), seeds)
    for seed, by_judge in zip(seeds, scores, strict=True):
        for judge, score in by_judge.items():
            totals[judge] += score
            if score.wrong_pairs or score.wrong_labels or score.lost or score.doubled:
                print(f"{f'{kind}_{seed}':<12}" + _score_line(judge, score), flush=True)
    for judge, score in totals.items():
        print(f"{'all':<12}" + _score_line(judge, score))


def _score_random(seed: int, kind: str) -> dict[str, Score]:
    return score_night(_RANDOM[kind](seed))


def _judge(scenario: Scenario, seeds: range) -> Tally:
    return judge_scenario(scenario, seeds)


def _line(tally: Tally) -> str:
    return _cells(
        _COLUMNS,
        (
            *(str(tally.total(what)) for what in ("frames", "lost", "doubled", "set_aside")),
            str(tally.total("wrong_pairs")),
            f"{100 * tally.missed:.3f}",
            str(tally.total("wrong_labels")),
            f"{100 * tally.dubious:.2f}",
            f"{100 * tally.worst_dubious:.1f}",
            *(str(tally.total(what)) for what in ("miscut", "needless", "unsaid")),
            "BROKEN" if tally.broken else "ok",
        ),
    )


def _score_line(judge: str, score: Score) -> str:
    return _cells(
        _SCORE_COLUMNS,
        (
            judge,
            *(str(n) for n in (score.frames, score.lost, score.doubled, score.set_aside)),
            str(score.wrong_pairs),
            f"{100 * score.missed_pairs / max(1, score.true_pairs):.3f}",
            *(str(n) for n in (score.wrong_labels, score.right_labels)),
            f"{100 * score.dubious / max(1, score.clear):.2f}",
            f"{100 * score.steady_dubious / max(1, score.steady):.2f}",
        ),
    )


def _cells(columns: Iterable[str], cells: Iterable[str]) -> str:
    return "".join(f"  {cell:>{len(column)}}" for cell, column in zip(cells, columns, strict=True))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="default: all")
    parser.add_argument("--seeds", type=int, default=50, help="nights per scenario")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--random", type=int, help="so many random, rough and event nights")
    parser.add_argument("--minutes", type=float, help="judge for so long, on from where it stopped")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    known = {*SCENARIOS, *HANDSHAKE_SCENARIOS}
    unknown = [name for name in arguments.scenarios if name not in known]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return arguments


if __name__ == "__main__":
    main()
