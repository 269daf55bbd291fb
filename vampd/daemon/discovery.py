"""Discovering nights, all that a scan has found at once: nights of the old tools are legacy.

A site has years of them: each is examined once, by two listings, and all are reported together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.disk.reading import refuse_links
from vampd.engine.nights.old_traces import is_of_vampd, old_tool_traces, read_old_logs
from vampd.errors import DataError
from vampd.log import get_log
from vampd.model.nights import (
    Discovery,
    Gate,
    Kind,
    NightId,
    NightRecord,
    Observation,
    ReadinessRules,
    State,
    Status,
    StatusRow,
    Wait,
    WaitCode,
    describe_legacy,
    is_ignored,
    judge_readiness,
)
from vampd.ports import NightStore

_log = get_log()
_UNJUDGED = frozenset({None, "", WaitCode.IGNORED.value})


class Discoverer:
    """Discovers nights for the watcher; ``look`` looks at a night as the watcher does.

    ``sign`` is called after each.
    """

    def __init__(
        self,
        root: Path,
        store: NightStore,
        clock: Callable[[], float],
        look: Callable[[NightId, Callable[[], list[str]]], list[str]],
        sign: Callable[[], None],
    ) -> None:
        self._root = root
        self._store = store
        self._clock = clock
        self._look = look
        self._sign = sign
        self._has_told = False

    def discover(
        self,
        nights: Iterable[NightId],
        known: Mapping[NightId, NightRecord],
        rules: ReadinessRules,
        kinds: Collection[Kind],
    ) -> frozenset[NightId]:
        """Put new nights of these kinds on record; return those that are legacy."""
        legacy = {night for night, each in known.items() if each.state.status is Status.LEGACY}
        judged = [
            night
            for night in nights
            if _is_unjudged(known.get(night), night, rules)
            or (not self._has_told and self._was_held(known.get(night), rules))
        ]
        if judged:
            rows = read_old_logs(self._root, kinds)
            found = [self._judge(night, rules, rows) for night in judged]
            changed = self._store.discover_all(found, self._clock(), "vampd")
            failpoint("discovery.nights.committed")
            found = [each for each in found if each.night in changed]
            new = [each for each in found if each.night not in known]
            recognized = [each.night for each in found if each.traces is not None]
            legacy |= set(recognized)
            self._tell(new, recognized)
        if not self._has_told and legacy:
            _log.info("nights.skipped", legacy=len(legacy), **_span(legacy))
        self._has_told = True
        return frozenset(legacy)

    def recognize(self, night: NightId, traces: tuple[str, ...]) -> bool:
        """Whether a night that fills is now legacy: the old tools took it, and vampd never did."""
        if is_of_vampd(self._root / night.folder):
            return False
        self._store.discover_all([_legacy(night, traces)], self._clock(), "vampd")
        _log.warning("nights.recognized", nights=1, **_span([night]))
        return True

    def _was_held(self, record: NightRecord | None, rules: ReadinessRules) -> bool:
        """Whether an earlier version held a night of the old tools, as an error."""
        return (
            record is not None
            and record.state.status is Status.HELD
            and record.code == WaitCode.OLD_TOOLS
            and _is_untouched(record)
            and not is_ignored(record.night, rules)
            and not is_of_vampd(self._root / record.night.folder)
        )

    def _judge(
        self, night: NightId, rules: ReadinessRules, rows: Mapping[NightId, StatusRow]
    ) -> Discovery:
        if is_ignored(night, rules):
            record = NightRecord(night, State())
            wait = judge_readiness(Observation(record), rules, self._clock())
            assert isinstance(wait, Wait)
            return Discovery(night, None, wait.code.value, wait.text)
        traces: list[str] = []
        # What fails here, by a refusal or a bug, fails again when the night is looked at, which is
        # in its turn, and is that night's then.
        with suppress(Exception):
            traces = self._look(night, lambda: self._traces(night, rows))
        self._sign()
        return _legacy(night, tuple(traces)) if traces else Discovery(night)

    def _traces(self, night: NightId, rows: Mapping[NightId, StatusRow]) -> list[str]:
        folder = self._root / night.folder
        try:
            refuse_links(folder)
        except DataError:
            return []  # what lies behind a link tells nothing, and holds the night
        if is_of_vampd(folder):
            return []
        return old_tool_traces(self._root, night, rows)

    def _tell(self, new: Iterable[Discovery], recognized: Collection[NightId]) -> None:
        ignored = []
        for each in new:
            if each.note_code == WaitCode.IGNORED:
                ignored.append(each.night)
            elif each.traces is None:
                _log.info("night.discovered", night=each.night.date, kind=each.night.kind.value)
        if ignored:
            _log.info("nights.ignored", nights=len(ignored), **_span(ignored))
        if recognized:
            _log.info("nights.recognized", nights=len(recognized), **_span(recognized))


def _is_unjudged(record: NightRecord | None, night: NightId, rules: ReadinessRules) -> bool:
    """Whether nothing was concluded yet of a night: it is new, or was ignored."""
    if record is None:
        return True
    return (
        record.state.status is Status.FILLING
        and record.note_code in _UNJUDGED
        and _is_untouched(record)
        and not is_ignored(night, rules)
    )


def _is_untouched(record: NightRecord) -> bool:
    """Whether vampd has never begun with a night, and no person has restored it."""
    return record.signature is None and Gate.OLD_TOOLS not in record.released


def _legacy(night: NightId, traces: tuple[str, ...]) -> Discovery:
    text = describe_legacy(traces)
    return Discovery(night, text, WaitCode.LEGACY.value, text)


def _span(nights: Collection[NightId]) -> dict[str, str]:
    return {"first": min(nights).date, "last": max(nights).date}
