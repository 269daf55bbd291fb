"""The long suites, in parts: rounds of tests, each with a seed of its own, for so many minutes.

``python -m tests.soak [SUITE ...]``. A seeded suite goes on from where it stopped, which it keeps
in ``build/soak``; a suite without seeds is one round, because a second one would find nothing new.
A round that fails ends its suite, and its seed is where the next run begins.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.evaluation.calibration import format_kept
from tests.support.worlds.proof.coverage import format_coverage

ROOT = Path(__file__).parent.parent
_NEXT_SEEDS = ROOT / "build" / "soak"
# More tests than cores: they wait for each other's processes more than they compute.
_PROCESSES = 3


@dataclass(frozen=True)
class Suite:
    """Tests that run together: what pytest is told to run, and whether another seed is new work.

    Without ``everything`` only the tests marked ``soak`` run: the others are in `make test`. What a
    test prints is seen where it runs ``alone``, in one process.
    """

    name: str
    tests: tuple[str, ...]
    seeded: bool = True
    everything: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Run:
    """What became of a suite: its rounds that passed, and how long they took in all."""

    suite: Suite
    first_seed: int
    rounds: int
    minutes: float
    failed: bool

    def __str__(self) -> str:
        last = self.first_seed + self.rounds - 1
        seeds = f"seeds {self.first_seed} to {last}" if self.suite.seeded and self.rounds else ""
        ended = "FAILED in the next one" if self.failed else "passed"
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds} rounds"
        return (
            f"{self.suite.name:13}{rounds:>11}  {self.minutes:5.1f} min  {ended}  {seeds}".rstrip()
        )


SUITES = {
    suite.name: suite
    for suite in (
        Suite("benchmarks", ("tests/system/test_bench.py",), seeded=False),
        Suite("calibration", ("tests/unit/evaluation/test_calibration.py",)),
        Suite("crash", ("tests/integration/nights/test_random_kills.py",)),
        Suite(
            "crash-matrix",
            ("tests/integration/nights/test_crash_matrix.py",),
            seeded=False,
        ),
        Suite("crew", ("tests/integration/crew",)),
        Suite(
            "daemon",
            (
                "tests/integration/daemon",
                "--ignore=tests/integration/daemon/test_nights.py",
                "--ignore=tests/integration/daemon/test_trees.py",
            ),
            seeded=False,
        ),
        Suite("errno", ("tests/integration/nights/test_errno.py",)),
        Suite("faults", ("tests/integration/proof/test_faults.py",)),
        Suite(
            "frame-ids",
            (
                "tests/integration/ledger",
                "tests/properties/test_ledger.py",
                "tests/properties/test_ledger_rebuild.py",
            ),
        ),
        Suite(
            "laws",
            (
                "tests/properties",
                "tests/unit",
                "--ignore=tests/unit/evaluation/test_calibration.py",
                *(
                    f"--ignore=tests/properties/test_{elsewhere}.py"
                    for elsewhere in (
                        "frame_digest",
                        "ledger",
                        "ledger_rebuild",
                        "rice_tiles",
                        "scenarios",
                        "synchronization",
                        "transfer_laws",
                    )
                ),
            ),
        ),
        Suite("nights", ("tests/integration/daemon/test_nights.py",), seeded=False, alone=True),
        Suite("package", ("tests/system/test_package.py",), seeded=False),
        Suite("large", ("tests/integration/packing/test_large.py",), seeded=False),
        Suite(
            "packing",
            (
                "tests/properties/test_frame_digest.py",
                "tests/properties/test_rice_tiles.py",
                "tests/system/readers/test_card_survival.py",
                "tests/system/readers/test_random_headers.py",
            ),
        ),
        Suite("power-cuts", ("tests/integration/proof/test_power_cuts.py",)),
        Suite("proof", ("tests/integration/proof/test_sequences.py",)),
        Suite(
            "purge",
            ("tests/integration/purge/test_purge_killed.py", "-k", "anywhere"),
            seeded=False,
        ),
        Suite(
            "rest",
            (
                "tests/contract",
                "tests/integration",
                "tests/system/test_headers_fixed.py",
                "tests/system/readers/test_readers.py",
                "tests/system/test_simulated_cubes.py",
                *(
                    f"--ignore=tests/integration/{elsewhere}"
                    for elsewhere in (
                        "crew",
                        "daemon",
                        "ledger",
                        "nights/test_crash_matrix.py",
                        "nights/test_errno.py",
                        "nights/test_random_kills.py",
                        "packing/test_large.py",
                        "proof/test_faults.py",
                        "proof/test_power_cuts.py",
                        "proof/test_sequences.py",
                        "purge/test_purge_killed.py",
                    )
                ),
            ),
            seeded=False,
        ),
        Suite("security", ("tests/security",), seeded=False),
        Suite(
            "service",
            (
                "tests/system/test_service.py",
                "tests/system/test_crew_service.py",
                "tests/system/test_installation.py",
            ),
            seeded=False,
        ),
        Suite(
            "sync",
            (
                "tests/properties/test_scenarios.py",
                "tests/properties/test_handshake_scenarios.py",
                "tests/properties/test_synchronization.py",
            ),
        ),
        Suite("trees", ("tests/integration/daemon/test_trees.py",)),
        Suite(
            "transfer",
            ("tests/properties/test_transfer_laws.py", "tests/system/transfer"),
            everything=True,
        ),
        Suite("web", ("tests/system/page",), seeded=False),
    )
}


def main(arguments: Sequence[str]) -> int:
    """Run the suites named, or all, and print what each did; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--seed", type=int, help="of the first round; else the next unused one")
    parser.add_argument("--minutes", type=float, default=30.0, help="for each seeded suite")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.suites if name not in SUITES]
    if unknown:
        parser.error(f"there is no suite {unknown[0]}; there are {', '.join(SUITES)}")
    runs = [
        run_suite(SUITES[name], chosen.seed, chosen.minutes) for name in chosen.suites or SUITES
    ]
    print("\n" + "\n".join(map(str, runs)))
    if any(run.suite.name == "proof" for run in runs):
        print("\n" + format_coverage())
    if any(run.suite.name == "calibration" for run in runs):
        print("\n" + format_kept())
    return int(any(run.failed for run in runs))


def run_suite(suite: Suite, seed: int | None, minutes: float) -> Run:
    """Rounds until the next one would end too late, judged by the longest so far."""
    first = _next_seed(suite) if seed is None else seed
    started = time.monotonic()
    rounds, longest = 0, 0.0
    while rounds == 0 or (suite.seeded and _since(started) + longest <= minutes):
        began = time.monotonic()
        print(f"{suite.name}: round {rounds + 1}, seed {first + rounds}", flush=True)
        if _fails(suite, first + rounds):
            print(f"`make soak SUITE={suite.name} SEED={first + rounds} MINUTES=0` repeats this")
            return Run(suite, first, rounds, _since(started), failed=True)
        longest = max(longest, _since(began))
        rounds += 1
        _keep_next_seed(suite, first + rounds)
    return Run(suite, first, rounds, _since(started), failed=False)


def _fails(suite: Suite, seed: int) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=0", f"--hypothesis-seed={seed}"]
    command += ["-n0", "-s"] if suite.alone else ["-n", str(_PROCESSES), "--dist", "worksteal"]
    command += ["-m", "" if suite.everything else "soak", *suite.tests]
    environ = {**os.environ, "HYPOTHESIS_PROFILE": "soak", "SOAK_ROUND": str(seed)}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode != 0


def _since(started: float) -> float:
    return (time.monotonic() - started) / 60


def _next_seed(suite: Suite) -> int:
    kept = _NEXT_SEEDS / suite.name
    return int(kept.read_text()) if suite.seeded and kept.is_file() else 0


def _keep_next_seed(suite: Suite, seed: int) -> None:
    if suite.seeded:
        _NEXT_SEEDS.mkdir(parents=True, exist_ok=True)
        (_NEXT_SEEDS / suite.name).write_text(f"{seed}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
