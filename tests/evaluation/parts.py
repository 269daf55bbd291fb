"""Parts of a long judgement: night after night for so many minutes, going on where it stopped.

``python -m tests.evaluation --minutes 30``. Each night of each scenario is judged once, by sync and
by the old tools' rule, seed by seed, so that a part covers all scenarios. Scores are kept in
``build/sync-scenarios`` under a digest of the sources: after a change of these, all begins anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from tests.evaluation.decision import Score
from tests.evaluation.judges import JUDGES, score_scenario
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS

ROOT = Path(__file__).parent.parent.parent
_KEPT = ROOT / "build" / "sync-scenarios"
_SOURCES = ("vampd/model/sync", "vampd/model/trigger", "vampd/simulate", "tests/evaluation")
SYNC, OLD = "sync", "old tools"
_BATCH = 16  # nights between two looks at the clock

_LARGEST_MISSED, _LARGEST_MISSED_IN_BURSTS = 0.001, 0.005
_LARGEST_DUBIOUS, _LARGEST_STEADY_DUBIOUS = 0.01, 0.002

Night = tuple[str, int]
Scores = dict[str, Score]
_COLUMNS = (
    *("nights", "lost", "wrong pairs", "(old)", "wrong labels", "(old)", "right labels", "(old)"),
    *("missed %", "dubious %", "steady %"),
)


@dataclass(frozen=True)
class Measures:
    """What sync and the old tools' rule did over so many nights of a scenario."""

    scenario: str
    nights: int
    sync: Score
    old: Score

    @property
    def broken(self) -> tuple[str, ...]:
        """The measures that are not held."""
        sync, old = self.sync, self.old
        largest = _LARGEST_MISSED_IN_BURSTS if "burst" in self.scenario else _LARGEST_MISSED
        return tuple(
            what
            for what, over in (
                ("frames lost or doubled", sync.lost + sync.doubled > 0),
                ("wrong pairs", sync.wrong_pairs > 0),
                ("wrong labels", sync.wrong_labels > 0),
                ("missed pairs", sync.missed_pairs > largest * sync.true_pairs),
                ("dubious", sync.dubious > _LARGEST_DUBIOUS * sync.clear),
                ("steady dubious", sync.steady_dubious > _LARGEST_STEADY_DUBIOUS * sync.steady),
                ("more wrong than the old tools", _wrong(sync) > _wrong(old)),
                ("fewer right labels than the old tools", sync.right_labels < old.right_labels),
            )
            if over
        )

    def __str__(self) -> str:
        sync, old = self.sync, self.old
        cells = (
            *(self.nights, sync.lost + sync.doubled, sync.wrong_pairs, old.wrong_pairs),
            *(sync.wrong_labels, old.wrong_labels, sync.right_labels, old.right_labels),
            f"{100 * sync.missed_pairs / max(1, sync.true_pairs):.3f}",
            f"{100 * sync.dubious / max(1, sync.clear):.2f}",
            f"{100 * sync.steady_dubious / max(1, sync.steady):.2f}",
        )
        shown = [f"{cell:>{len(column)}}" for cell, column in zip(cells, _COLUMNS, strict=True)]
        verdict = f"BROKEN: {', '.join(self.broken)}" if self.broken else "held"
        return "  ".join([*shown, verdict])


def judge_part(names: Sequence[str], seeds: range, minutes: float, jobs: int) -> int:
    """Judge what is left for so many minutes, then print the table of all that was; 1 if broken."""
    path = _KEPT / f"{_digest()}.jsonl"
    known = dict(_read(path))
    wanted = [(name, seed) for seed in seeds for name in names]
    left = (night for night in wanted if night not in known)
    path.parent.mkdir(parents=True, exist_ok=True)
    end_s = time.monotonic() + 60 * minutes
    with ProcessPoolExecutor(jobs) as executor, path.open("a", encoding="utf-8") as kept:
        while time.monotonic() < end_s and (batch := list(islice(left, _BATCH))):
            for night, scores in zip(batch, executor.map(_score, batch), strict=True):
                known[night] = scores
                # A line that a kill cut off ends here.
                kept.write(f"\n{_format(night, scores)}")
            kept.flush()
    found = list(_measure(names, [(n, known[n]) for n in wanted if n in known]))
    width = max(len(name) for name in names)
    print(f"{'scenario':<{width}}  " + "  ".join(_COLUMNS))
    for each in found:
        print(f"{each.scenario:<{width}}  {each}")
    broken = sum(bool(each.broken) for each in found)
    done = sum(night in known for night in wanted)
    print(f"{done:,} of {len(wanted):,} nights judged; {broken} scenarios break a measure")
    if done < len(wanted):
        print("the same command goes on from here")
    return int(broken > 0)


def _score(night: Night) -> Scores:
    name, seed = night
    scenario = {**SCENARIOS, **HANDSHAKE_SCENARIOS}[name]
    return score_scenario(scenario, [seed], {judge: JUDGES[judge] for judge in (SYNC, OLD)})


def _measure(names: Sequence[str], scored: Iterable[tuple[Night, Scores]]) -> Iterator[Measures]:
    by_name: dict[str, list[Scores]] = {name: [] for name in names}
    for (name, _), scores in scored:
        by_name[name].append(scores)
    for name, own in by_name.items():
        if own:
            sync, old = (sum((each[judge] for each in own), Score()) for judge in (SYNC, OLD))
            yield Measures(name, len(own), sync, old)


def _wrong(score: Score) -> int:
    return score.wrong_pairs + score.wrong_labels


def _format(night: Night, scores: Scores) -> str:
    return json.dumps([*night, {judge: asdict(score) for judge, score in scores.items()}])


def _read(path: Path) -> Iterator[tuple[Night, Scores]]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            name, seed, scores = json.loads(line)
        except ValueError:
            continue
        yield (name, seed), {judge: Score(**score) for judge, score in scores.items()}


def _digest() -> str:
    digest = hashlib.sha256()
    for source in sorted(path for top in _SOURCES for path in (ROOT / top).rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
