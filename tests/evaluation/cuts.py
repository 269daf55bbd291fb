"""Whether products are cut where they must be, and nowhere else.

The rules as documented: 00:00 UT, a gap of more than 3 s, a changed setting, and a span of more
than 10 s for synchronised products; frames without a partner fill one product per uninterrupted
stretch, camera, state, header and UT day, since each product costs a frame ID.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from itertools import pairwise

import numpy as np

from tests.evaluation.table import Booleans, FrameTable
from vampd.model.cubes import Generation, Int64, Product
from vampd.model.nights import DAY_US
from vampd.simulate.scenario import Run, Trigger

GAP_US = 3_000_000
SPAN_US = 10_000_000
_CUTTING_CARDS = (
    *("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02", "OBJECT", "DATA-TYP", "U_FLCEN", "U_FLCST"),
    *("U_DETMOD", "PRD-MIN1", "PRD-MIN2", "DETGAIN", "U_MBI", "EXTTRIG"),
)


def count_miscut(table: FrameTable, generation: Generation) -> int:
    """The products that hold frames which must not share one."""
    settings = _settings(table)
    miscut = 0
    for product in generation.products:
        rows = table.rows(product.ranges)
        partners = table.rows(product.partners) if product.synchronised else rows
        if not len(rows) or len(rows) != len(partners) or min(rows.min(), partners.min()) < 0:
            continue  # counted elsewhere
        times_us = (table.acquired_us[rows] + table.acquired_us[partners]) // 2
        if not product.synchronised and _is_stale(table, rows):
            # Only the other camera knows better, and it has no partner to tell.
            wrong = False
        else:
            wrong = len(np.unique(settings[rows])) > 1
        wrong |= bool((np.diff(times_us // DAY_US) != 0).any())
        if product.synchronised:
            wrong |= product.last_us - product.first_us > SPAN_US
            wrong |= bool(times_us[0] < product.first_us or times_us[-1] > product.last_us)
        miscut += wrong
    return miscut + _count_bridged_gaps(table, generation)


def count_needless(table: FrameTable, generation: Generation) -> int:
    """Cuts between synchronised frames without a reason, and solo products beyond the needed."""
    cuts = _synchronised_cuts(table, generation)
    headers = _headers(table)
    needless = 0
    uncertain = _uncertain(table, generation)
    for (first, second), (next_first, next_second) in pairwise(cuts):
        here, there = first[-1], next_first[0]
        times_us = [
            int(table.acquired_us[a] + table.acquired_us[b]) // 2
            for a, b in (
                (first[0], second[0]),
                (first[-1], second[-1]),
                (next_first[0], next_second[0]),
            )
        ]
        run = _run(table, there)
        reasons = (
            table.run[here] != table.run[there],
            bool(run.clock_steps),
            times_us[2] - run.exptime_us - times_us[1] > GAP_US,
            times_us[1] // DAY_US != times_us[2] // DAY_US,
            headers[here] != headers[there] or headers[second[-1]] != headers[next_second[0]],
            times_us[2] - times_us[0] > SPAN_US,
            uncertain[here] != uncertain[there],
        )
        needless += not any(reasons)
    return needless + _count_surplus_solo(table, generation, headers)


def _uncertain(table: FrameTable, generation: Generation) -> Booleans:
    """For each row, whether a setting of its product is not certain: such frames stand alone."""
    uncertain = np.zeros(len(table.run), dtype=np.bool_)
    for product in generation.products:
        if product.uncertain:
            rows = table.rows(product.ranges)
            uncertain[rows[rows >= 0]] = True
    return uncertain


def _synchronised_cuts(table: FrameTable, generation: Generation) -> list[tuple[Int64, Int64]]:
    """For each cut, the rows of both cameras' frames in time order."""
    by_cut: dict[Hashable, list[Product]] = defaultdict(list)
    for product in generation.products:
        if product.synchronised and product.order.camera == 1:
            by_cut[product.first_us, product.last_us].append(product)
    cuts = []
    for _, products in sorted(by_cut.items(), key=lambda item: item[1][0].first_us):
        first = np.concatenate([table.rows(product.ranges) for product in products])
        second = np.concatenate([table.rows(product.partners) for product in products])
        known = (first >= 0) & (second >= 0)
        order = np.argsort(table.acquired_us[first[known]], kind="stable")
        cuts.append((first[known][order], second[known][order]))
    return [cut for cut in cuts if len(cut[0])]


def _count_bridged_gaps(table: FrameTable, generation: Generation) -> int:
    bridged = 0
    for first, second in _synchronised_cuts(table, generation):
        times_us = (table.acquired_us[first] + table.acquired_us[second]) // 2
        exposure_us = np.array([run.exptime_us for run in table.simulated.scenario.runs])
        idle_us = times_us[1:] - exposure_us[table.run[first[1:]]] - times_us[:-1]
        bridged += bool((idle_us > GAP_US).any())
    return bridged


def _count_surplus_solo(table: FrameTable, generation: Generation, headers: Int64) -> int:
    stretch = _stretches(table)
    made = 0
    kinds: set[Hashable] = set()
    for product in generation.products:
        rows = table.rows(product.ranges)
        rows = rows[rows >= 0]
        if product.synchronised or not len(rows):
            continue
        if _run(table, rows[0]).trigger is Trigger.FREE_RUNNING:
            continue
        made += 1
        days = table.acquired_us[rows] // DAY_US
        keys = zip(stretch[rows].tolist(), headers[rows].tolist(), days.tolist(), strict=True)
        kinds.update((product.order.camera, product.order.flc_state, *key) for key in keys)
    return max(0, made - len(kinds))


def _stretches(table: FrameTable) -> Int64:
    """For each row, the number of the uninterrupted stretch of its run, both cameras together."""
    exposure_us = np.array([run.exptime_us for run in table.simulated.scenario.runs])
    order = np.argsort(table.acquired_us, kind="stable")
    times_us, run = table.acquired_us[order], table.run[order]
    new = (times_us[1:] - exposure_us[run[1:]] - times_us[:-1] > GAP_US) | (np.diff(run) != 0)
    stretch = np.empty(len(order), dtype=np.int64)
    stretch[order] = np.concatenate([[0], np.cumsum(new)])[: len(order)]
    return stretch


def _settings(table: FrameTable) -> Int64:
    """For each row, the number of the setting that its run truly had."""
    known: dict[Hashable, int] = {}
    numbers = [known.setdefault(_setting(run), len(known)) for run in table.simulated.scenario.runs]
    return np.array(numbers, dtype=np.int64)[table.run]


def _setting(run: Run) -> Hashable:
    return (
        *(run.exptime_us, run.hwp_angle_deg, run.filter01, run.filter02, run.target),
        *(run.data_type, run.readout, run.trigger, run.flc_jitter_us is not None),
        tuple(field for field in run.fields if field[0] in _CUTTING_CARDS),
    )


def _headers(table: FrameTable) -> Int64:
    """For each row, the number of what its cube's header tells about the setting."""
    known: dict[Hashable, int] = {}
    numbers = [
        known.setdefault(
            tuple(
                card.text[:30] if card else None
                for card in (cube.cards.card(keyword) for keyword in _CUTTING_CARDS)
            ),
            len(known),
        )
        for cube in table.simulated.cubes
    ]
    return np.array(numbers, dtype=np.int64)[table.simulated.truth.cube]


def _is_stale(table: FrameTable, rows: Int64) -> bool:
    return any(
        any(_run(table, int(row)).stale_cubes) for row in rows[:1].tolist() + rows[-1:].tolist()
    )


def _run(table: FrameTable, row: int) -> Run:
    return table.simulated.scenario.runs[int(table.run[row])]
