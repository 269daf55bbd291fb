"""The flow of a night's frames as bars: raw, then what became of it, each part below its whole.

Parts stand where they lie in their whole, so that a glance shows that they fill it. Where they do
not, nothing is drawn, and the words say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vampd.cli.shared.words import count_of
from vampd.model.nights import FrameFlow, NightRecord, StageName, read_frame_flow

# The width of all raw frames, in the units of the drawing.
WIDTH = 1000.0
# A part that would be narrower is seen all the same.
_NARROWEST = 3.0
_STATES = {"A": "FLC state A", "B": "FLC state B", "D": "dubious (D)", "": "no FLC state"}
_STATE_STYLES = {"A": "first", "B": "second", "D": "dubious", "": "plain"}


@dataclass(frozen=True)
class FlowLine:
    """A line of the table, with its bar; ``depth`` 0 is a whole, 1 a part, 2 a part of that."""

    words: str
    depth: int
    frames: str
    part: str
    x: float
    width: float
    style: str


@dataclass(frozen=True)
class Flow:
    """The lines, and what is said of them; no lines where there is nothing to draw."""

    lines: tuple[FlowLine, ...]
    words: str
    is_wrong: bool = False


def make_flow(record: NightRecord) -> Flow:
    """The flow of a night's frames, or why it is not shown."""
    flow = read_frame_flow(record.frame_flow)
    if record.state.is_continued:
        words = "The products are the old tools': no record says which raw frames they hold."
        return Flow((), words)
    if flow is None:
        known = record.products is not None
        return Flow((), _NOT_KEPT if known else "Known when sync has ended.")
    if problem := _find_problem(flow, record):
        command = f"`vampctl audit {record.night.date} --kind {record.night.kind}`"
        words = (
            f"NOT drawn, since the numbers do not agree: {problem}. {command} recounts the files."
        )
        return Flow((), words, is_wrong=True)
    if not flow.raw:
        return Flow((), "Sync has taken no frame.")
    return Flow(tuple(_lines(flow, record)), _describe(flow, record))


_NOT_KEPT = "An earlier version synchronized this night; it is counted at the next deep scan."


def _find_problem(flow: FrameFlow, record: NightRecord) -> str:
    if not flow.is_balanced:
        accounted = flow.in_products + flow.set_aside
        return f"{flow.raw:,} raw frames, and {accounted:,} in products or set aside"
    if flow.raw != record.frames:
        return f"the night has {record.frames:,} raw frames, and sync placed {flow.raw:,}"
    if record.products is not None and flow.products != record.products:
        return f"the night has {record.products:,} products, and frames went into {flow.products:,}"
    return ""


def _describe(flow: FrameFlow, record: NightRecord) -> str:
    least = "at least " if not flow.is_certain else ""
    words = f"Balanced: each of {least}{count_of(flow.raw, 'raw frame')} went to one place."
    if record.state.stage is StageName.SYNC:
        words += " Cubes that sync has not looked at yet are not among them."
    return words


def _lines(flow: FrameFlow, record: NightRecord) -> Iterator[FlowLine]:
    yield _line("raw", 0, flow.raw, flow.raw, 0, "whole")
    begin = 0
    for words, by_state in (("in pairs", flow.paired), ("solo", flow.solo)):
        if frames := sum(by_state.values()):
            yield _line(words, 1, frames, flow.raw, begin, "placed")
            yield from _states(by_state, flow.raw, begin)
            begin += frames
    if flow.aside:
        cubes = sum(one.cubes for one in flow.aside.values())
        words = f"set aside, {count_of(cubes, 'cube')}"
        yield _line(words, 1, flow.set_aside, flow.raw, begin, "aside")
        at = begin
        for code, one in sorted(flow.aside.items(), key=lambda each: (-each[1].frames, each[0])):
            words = f"{code}, {count_of(one.cubes, 'cube')}"
            yield _line(words, 2, one.frames, flow.raw, at, "aside")
            at += one.frames
    if flow.products:
        packed = "" if record.processed_at is not None else ", not all packed yet"
        words = f"in {count_of(flow.products, 'product')}{packed}"
        yield _line(words, 0, flow.in_products, flow.raw, 0, "good" if not packed else "placed")


def _states(by_state: Mapping[str, int], raw: int, begin: int) -> Iterator[FlowLine]:
    for state, frames in by_state.items():
        if frames:
            yield _line(_STATES[state], 2, frames, raw, begin, _STATE_STYLES[state])
        begin += frames


def _line(words: str, depth: int, frames: int, raw: int, begin: int, style: str) -> FlowLine:
    width = WIDTH * frames / raw
    if frames:
        width = max(width, _NARROWEST)
    # What lies at the very end is seen, too.
    x = min(WIDTH * begin / raw, WIDTH - width)
    return FlowLine(
        words, depth, f"{frames:,}", _part(frames, raw), round(x, 2), round(width, 2), style
    )


def _part(frames: int, raw: int) -> str:
    part = 100 * frames / raw
    if frames and part < 0.05:
        return "<0.1%"
    # Nothing that lacks a frame is the whole.
    return f"{part:.1f}%" if frames == raw or part < 99.95 else ">99.9%"
