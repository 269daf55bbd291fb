"""What is said of one run: each change of its settings, until there are too many."""

from __future__ import annotations

from dataclasses import replace

from tests.support.builders.frames import expose, trigger_train
from tests.support.builders.observed import observe
from vampd.cli.shared.run_words import list_settings


def test_of_many_changes_the_first_are_listed_and_the_rest_counted() -> None:
    (run,) = observe(expose(trigger_train(100))).summary.runs
    settings = tuple(replace(run.settings[0], period_us=1000 + n) for n in range(9))
    changed_us = tuple(range(0, 8_000_000, 1_000_000))
    lines = list(list_settings(replace(run, settings=settings, changed_us=changed_us)))
    assert len(lines) == 6
    assert "T 1000 > 1001 us" in lines[0]
    assert lines[-1] == f"run {run.number}: 3 more changes (--json)"
