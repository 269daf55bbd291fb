"""The same numbers on every machine: whatever numpy's processor can do, in any order of files."""

import hashlib
import os
import subprocess
import sys
from dataclasses import fields

import numpy as np

from tests.unit.model.trigger.test_inference import OFFSET_US, arrivals, train
from vampd.model.trigger import order_of_taking
from vampd.model.trigger.evidence import gather_evidence
from vampd.model.trigger.kernels import PLAIN
from vampd.model.trigger.night import survey

FRAMES = 120
# What numpy chooses at run time for the sorts, searches and sums here.
FEATURES = "SSE42 AVX AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"


def digest():
    """Of all that is known of the frames of a night with losses and late stamps."""
    times = train(FRAMES)
    kept = np.flatnonzero(np.arange(FRAMES) % 37 != 5)
    one, two = arrivals(times, kept), arrivals(times + OFFSET_US)
    two.acquired_us[60:68] = two.acquired_us[68] - np.arange(96, 0, -12)
    night = survey(one, two)
    evidence = gather_evidence(night, 0, len(night), PLAIN)
    arrays = [evidence.pairs, evidence.partners, evidence.other_class, night.reference]
    arrays += [getattr(evidence.intervals, field.name) for field in fields(evidence.intervals)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_evidence_is_the_same_without_what_the_processor_can_do():
    """Baseline features cannot be switched off, and an unknown one is no error."""
    elsewhere = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            "from tests.unit.model.trigger.test_same_numbers import digest; print(digest())",
        ],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": FEATURES},
        capture_output=True,
        text=True,
        check=True,
    )

    assert elsewhere.stdout.strip() == digest()


def test_files_are_taken_in_one_order_however_they_are_listed():
    rng = np.random.default_rng(1)
    first_us = [10, 20, 30, 5, 15, 25]  # the clock was set back after the third
    counts = [(100 * place, 100 * place + 99) for place in range(6)]
    for _ in range(10):
        listed = rng.permutation(6).tolist()
        order = order_of_taking([first_us[n] for n in listed], [counts[n] for n in listed])
        assert [listed[n] for n in order] == list(range(6))
