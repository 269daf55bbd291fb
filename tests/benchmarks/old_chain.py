"""The old chain's steps from raw to packed, rebuilt with what anybody has: astropy and fpack.

Each raw cube is read once and kept while products of it are written, as a careful script does;
header edits leave the pixels where they are.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.process_tree import Spent, run_measured
from vampd.fits.headers import read_cards
from vampd.model.cubes import Framelist

_CONSOLIDATE = """
import functools, json, sys
import numpy as np
from astropy.io import fits

raw, out, jobs = sys.argv[1:]

@functools.lru_cache(maxsize=4)
def read(cube):
    with fits.open(f"{raw}/{cube}", memmap=False) as hdus:
        return hdus[0].data, hdus[0].header

for job in json.load(open(jobs)):
    parts = [read(cube)[0][start : start + count * step : step]
             for cube, start, count, step in job["ranges"]]
    frames = parts[0] if len(parts) == 1 else np.concatenate(parts)
    header = read(job["ranges"][0][0])[1].copy()
    fits.writeto(f"{out}/{job['name']}.fits", frames, header, output_verify="ignore")
"""
_EDIT = """
import json, sys
from astropy.io import fits

out, jobs, kind = sys.argv[1:]
for job in json.load(open(jobs)):
    with fits.open(f"{out}/{job['name']}.fits", mode="update", output_verify="ignore") as hdus:
        for text in job[kind]:
            card = fits.Card.fromstring(text)
            hdus[0].header[card.keyword] = card.value, card.comment
"""
_FPACK = 'cd "$1" && printf "%s\\n" *.fits | xargs -P 2 -n 1 fpack -r -D -Y'
_ID_CARDS = frozenset({"FRAMEID", "EXP-ID"})
# What astropy says itself, and what is no value.
_NOT_EDITED = frozenset({"", "HISTORY", "COMMENT", "CONTINUE", "SIMPLE", "BITPIX", "EXTEND"})


def run_old_chain(raw: Path, framelists: Sequence[Framelist], out: Path) -> Spent:
    """Make the same products in ``out``: consolidate, edit headers, stamp IDs, pack."""
    jobs = out / "jobs.json"
    jobs.write_text(json.dumps([_job(raw, framelist) for framelist in _in_time(framelists)]))
    python = (sys.executable, "-W", "ignore", "-c")
    steps = (
        (*python, _CONSOLIDATE, str(raw), str(out), str(jobs)),
        (*python, _EDIT, str(out), str(jobs), "cards"),
        (*python, _EDIT, str(out), str(jobs), "ids"),
        ("sh", "-c", _FPACK, "sh", str(out)),
    )
    return functools.reduce(_together, map(run_measured, steps))


def _in_time(framelists: Sequence[Framelist]) -> list[Framelist]:
    """One camera after the other, the products of a raw cube beside each other."""
    return sorted(framelists, key=lambda each: (each.order.camera, each.order.first_us))


def _job(raw: Path, framelist: Framelist) -> dict[str, object]:
    before = set(read_cards(raw / framelist.ranges[0].cube)[0].texts)
    edits = [
        card
        for card in framelist.cards
        if card.text not in before
        and card.keyword not in _NOT_EDITED
        and not card.keyword.startswith("NAXIS")
    ]
    return {
        "name": framelist.name,
        "ranges": [(part.cube, part.start, part.count, part.step) for part in framelist.ranges],
        "cards": [card.text for card in edits if card.keyword not in _ID_CARDS],
        "ids": [card.text for card in edits if card.keyword in _ID_CARDS],
    }


def _together(first: Spent, second: Spent) -> Spent:
    return Spent(
        wall_s=first.wall_s + second.wall_s,
        cpu_s=first.cpu_s + second.cpu_s,
        read_bytes=first.read_bytes + second.read_bytes,
        written_bytes=first.written_bytes + second.written_bytes,
        peak_bytes=max(first.peak_bytes, second.peak_bytes),
    )
