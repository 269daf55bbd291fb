"""The table: ``python -m tests.evaluation --seeds 50 [--jobs 2] [scenario ...]``.

Exit status 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.suite import Tally, judge_scenario
from vampd.simulate.scenario import Scenario

_COLUMNS = (
    *("frames", "lost", "doubled", "aside", "wrong pairs", "missed %", "wrong labels"),
    *("dubious %", "worst %", "miscut", "needless", "unsaid", "verdict"),
)


def main() -> None:
    """Judge the named scenarios, all by default, and print one line for each."""
    arguments = _parse()
    chosen = [SCENARIOS[name] for name in arguments.scenarios or SCENARIOS]
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    width = max(len(scenario.name) for scenario in chosen)
    print(f"{'scenario':<{width}}" + "".join(f"  {column}" for column in _COLUMNS))
    broken: list[Tally] = []
    with ProcessPoolExecutor(arguments.jobs) as executor:
        for tally in executor.map(partial(_judge, seeds=seeds), chosen):
            print(f"{tally.scenario:<{width}}" + _line(tally), flush=True)
            broken += [tally] if tally.broken else []
    for tally in broken:
        print(f"{tally.scenario}: {'; '.join(tally.broken)}")
    print(f"{len(chosen)} scenarios, {len(seeds)} seeds each: {len(broken)} break a limit")
    sys.exit(1 if broken else 0)


def _judge(scenario: Scenario, seeds: range) -> Tally:
    return judge_scenario(scenario, seeds)


def _line(tally: Tally) -> str:
    cells = (
        *(str(tally.total(what)) for what in ("frames", "lost", "doubled", "set_aside")),
        str(tally.total("wrong_pairs")),
        f"{100 * tally.missed:.3f}",
        str(tally.total("wrong_labels")),
        f"{100 * tally.dubious:.2f}",
        f"{100 * tally.worst_dubious:.1f}",
        *(str(tally.total(what)) for what in ("miscut", "needless", "unsaid")),
        "BROKEN" if tally.broken else "ok",
    )
    return "".join(f"  {cell:>{len(column)}}" for cell, column in zip(cells, _COLUMNS, strict=True))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="default: all")
    parser.add_argument("--seeds", type=int, default=50, help="nights per scenario")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; known: {', '.join(SCENARIOS)}")
    return arguments


if __name__ == "__main__":
    main()
