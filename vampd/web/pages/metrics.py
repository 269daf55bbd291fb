"""What Prometheus reads: made of the database at the moment it is asked, so no restart loses it.

No label holds a night, a path or a message: what has a name for each night would grow for ever.
Moments are exported, not ages, which would be wrong in a file by the time it is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from vampd import __version__
from vampd.model.life_sign import Life
from vampd.model.measures import Sampled
from vampd.model.nights import Kind
from vampd.store.database.measures import Measures
from vampd.web.sight import NightsReader, Sight
from vampd.web.standings import Standing

METRICS_TYPE = CONTENT_TYPE_LATEST
# What a night has been since its last move.
_STAND_SINCE = ("held", "unmailed", "unfinished")
_Values = Mapping[tuple[str, ...], float]
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def tell_metrics(reader: NightsReader, now: float) -> bytes:
    """The metrics at a time; VampdError as `vampctl status`."""
    life = reader.look_for_life(now)
    return reader.read(lambda sight: make_metrics(sight, life))


def make_metrics(sight: Sight, life: Life) -> bytes:
    """The metrics in the text form of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(tuple(_metrics(sight, life))))
    return generate_latest(registry)


class _Now(Collector):
    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self._metrics = metrics

    def collect(self) -> tuple[Metric, ...]:
        return self._metrics


def _metrics(sight: Sight, life: Life) -> Iterator[Metric]:
    yield from _of_daemon(life)
    nights = sight.nights
    yield _gauge(
        "vampd_nights",
        "Nights by kind, stage and status, without those that vampd leaves alone.",
        ("kind", "stage", "status"),
        nights.places,
    )
    for name, words, these in (
        ("held", "Nights that are held: a person must decide.", nights.held),
        ("unsafe", "Nights whose archive copy was found bad.", nights.unsafe),
        ("unmailed", "Nights with a manifest to mail.", nights.unmailed),
        ("problem", "Nights that `status --problems` lists.", nights.problem),
        ("unfinished", "Nights that are not done.", nights.unfinished),
    ):
        yield _gauge(
            f"vampd_{name}_nights",
            words,
            ("kind",),
            {(kind,): sum(one.night.kind is kind for one in these) for kind in Kind},
        )
        if name in _STAND_SINCE:
            yield _gauge(
                f"vampd_{name}_oldest_timestamp_seconds",
                "Since when the first of these nights stands so; absent for none.",
                ("kind",),
                _oldest(these),
            )
    yield from _of_work(sight)
    yield from _of_samples(sight.measures)


def _of_daemon(life: Life) -> Iterator[Metric]:
    yield _gauge("vampd_info", "The version of what tells this.", ("version",), {(__version__,): 1})
    if (is_running := life.is_running) is not None:
        words = "Whether vampd runs; absent where that cannot be told."
        yield _gauge("vampd_up", words, (), {(): int(is_running)})
    if (sign := life.sign) is None:
        return
    yield _gauge(
        "vampd_paused", "Whether work stands still for the cameras.", (), {(): int(sign.is_paused)}
    )
    moments = {
        "start": ("When vampd was started.", sign.up_since),
        "last_sign": ("The last sign of life.", sign.seen_at),
        "last_scan": ("The last scan of the root.", sign.scanned_at),
    }
    for name, (words, at) in moments.items():
        if at is not None:
            yield _gauge(f"vampd_{name}_timestamp_seconds", words, (), {(): at})


def _of_work(sight: Sight) -> Iterator[Metric]:
    kinds = {(kind,): total for kind, total in sight.nights.totals.items()}
    yield _gauge(
        "vampd_processed_frames",
        "Raw frames of the nights whose products are packed.",
        ("kind",),
        {labels: frames for labels, (frames, _) in kinds.items()},
    )
    yield _gauge(
        "vampd_processed_bytes",
        "Bytes of raw of the nights whose products are packed.",
        ("kind",),
        {labels: size for labels, (_, size) in kinds.items()},
    )
    failed = Counter[tuple[str, ...]]()
    for (event, stage, code), count in sight.troubles().items():
        failed[event, stage, code if _CODE.fullmatch(code) else "other"] += count
    yield _gauge(
        "vampd_attempts_ended_badly",
        "Attempts on record that failed, were held or interrupted, by event, stage and code.",
        ("event", "stage", "code"),
        failed,
    )


def _of_samples(measures: Measures) -> Iterator[Metric]:
    """What was sampled last; absent before the first sample."""
    last = {what: sample for what in Sampled if (sample := measures.last(what)) is not None}
    for name, words, of_disks in (
        ("free", "Bytes free on a disk.", (Sampled.NIGHTS_FREE, Sampled.DATABASE_FREE)),
        ("size", "Bytes of a disk.", (Sampled.NIGHTS_ALL, Sampled.DATABASE_ALL)),
    ):
        yield _gauge(
            f"vampd_disk_{name}_bytes",
            words,
            ("disk",),
            {
                (disk,): last[what].value
                for disk, what in zip(("nights", "database"), of_disks, strict=True)
                if what in last
            },
        )
    rates = {"packing": Sampled.PACKING, "sending": Sampled.SENDING}
    yield _gauge(
        "vampd_work_bytes_per_second",
        "How fast the running nights are packed and sent.",
        ("work",),
        {(work,): last[what].value for work, what in rates.items() if what in last},
    )
    if last:
        words = "When these were sampled."
        at = max(sample.at for sample in last.values())
        yield _gauge("vampd_sample_timestamp_seconds", words, (), {(): at})


def _oldest(standings: Iterable[Standing]) -> dict[tuple[str, ...], float]:
    oldest: dict[tuple[str, ...], float] = {}
    for one in standings:
        labels = (one.night.kind,)
        oldest[labels] = min(oldest.get(labels, one.since), one.since)
    return oldest


def _gauge(
    name: str,
    words: str,
    labels: tuple[str, ...],
    values: _Values,
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for value_labels, value in sorted(values.items()):
        family.add_metric(value_labels, value)
    return family
