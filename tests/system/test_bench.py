"""Benchmarks, made tiny: each runs to its end, tells its figures and leaves nothing behind.

No figure is judged here: a limit is meant for the full size, on a machine with nothing else to do.
"""

import pytest

from tests.benchmarks.__main__ import APART, BENCH, main

pytestmark = [pytest.mark.system, pytest.mark.soak]


@pytest.mark.parametrize("section", BENCH + APART)
def test_a_benchmark_runs_to_its_end_and_leaves_nothing(section, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.options.IN_MEMORY", tmp_path / "no such folder")
    status = main([section, "--scale", "0.002", "--rounds", "1", "--folder", str(tmp_path)])
    shown = capfd.readouterr().out
    broken = shown.count("DOES NOT HOLD")
    assert f"{broken} limits do not hold" in shown
    assert status == (1 if broken else 0)
    assert shown.count(" holds") + broken > 0
    assert list(tmp_path.iterdir()) == []
