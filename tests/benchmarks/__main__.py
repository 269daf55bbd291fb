"""`make bench`, `make bench-idle`, ...: measure, print the tables, exit with 1 above a limit.

Sections are imported when their turn comes: what this module imports, each process that a section
starts has in memory as well.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.benchmarks.measures import Measure, broken, heading, row_of
from tests.benchmarks.options import Options

# What `make bench` runs, in this order; then those that have to be named.
BENCH = ("sync", "pack", "workers", "cubes", "reading", "memory", "chain", "safe")
APART = ("load", "idle", "open_nights", "status", "legacy", "longest", "web", "link", "crew")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; the exit status."""
    options, sections = _parse(arguments)
    print(describe_machine())
    missed: list[str] = []
    for name in sections:
        measure: Callable[[Options], Iterator[Measure]] = importlib.import_module(
            f"tests.benchmarks.sections.{name}"
        ).measure
        print(f"\n{name}\n{heading()}", flush=True)
        for found in measure(options):
            print(row_of(found), flush=True)
            missed += broken([found])
    print(f"\n{len(missed)} limits do not hold" + "".join(f"\n  {what}" for what in missed))
    return 1 if missed else 0


def describe_machine() -> str:
    """Processor, cores, memory and kernel: what figures mean nothing without."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return (
        f"{next(models, platform.machine())}, {os.cpu_count()} cores, {gigabytes:.0f} GB,"
        f" Linux {platform.release()}, Python {platform.python_version()}"
    )


def _parse(arguments: Sequence[str] | None) -> tuple[Options, tuple[str, ...]]:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="What vampd costs, against its limits; exit status 1 if one does not hold.",
        epilog=f"sections: {', '.join(BENCH)} (all of them unless named); {', '.join(APART)}",
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[*BENCH, *APART, []])
    parser.add_argument(
        "--scale", type=float, default=1.0, help="part of the full size; limits are meant for 1"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--folder", type=Path, help="a disk with 80 GB (default: TMPDIR)")
    given = parser.parse_args(arguments)
    return (
        Options(scale=given.scale, rounds=given.rounds, folder=given.folder),
        tuple(given.sections) or BENCH,
    )


if __name__ == "__main__":
    sys.exit(main())
