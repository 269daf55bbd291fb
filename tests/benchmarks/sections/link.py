"""A night from raw to safe over ssh to another network namespace: how busy the link is.

Both ends share the cores of this machine, which pack, encrypt twice and read again there: what they
reach without a limit tells which link is the slowest part. One of 1 Gb/s is measured whether it is
or not, and one of half of what they reach, which is: from the first packed cube until all is sent.
Without a limit, several connections are compared with one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready
from tests.benchmarks.measures import Measure, at_least
from tests.benchmarks.network import THERE, Link, Traffic, link_to_archive
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import run_measured
from tests.benchmarks.site import ROOT, link_streams, program, write_config
from tests.benchmarks.subjects import write_polarimetric_night
from vampd.model.nights import Kind, NightId

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_NIGHT_BYTES, _AHEAD_BYTES = 6e9, 256_000_000
_BITS_PER_S = 1_000_000_000
_STREAMS = 4


@dataclass(frozen=True)
class _Sent:
    """How fast a night was sent from its first product on, and how long it took to be safe."""

    bytes_per_s: float
    wall_s: float


def measure(options: Options) -> Iterator[Measure]:
    """The link's share of use when it binds, ahead and after; several connections against one."""
    ahead_bytes = round(_AHEAD_BYTES * options.scale)
    with workplace(options.folder) as base:
        raw = write_polarimetric_night(base, _NIGHT, _NIGHT_BYTES * options.scale)
        free = _send(raw, options, None, f"send_ahead_bytes = {ahead_bytes}")
        for bits_per_s in (_BITS_PER_S, round(_rate(free) * 8 / 2)):
            ahead, after = (
                _send(raw, options, bits_per_s, f"send_ahead_bytes = {least}")
                for least in (ahead_bytes, 0)
            )
            yield Measure(
                f"link of {bits_per_s / 1e9:.2f} Gb/s: busy from the first product on",
                100 * _rate(ahead) / (bits_per_s / 8),
                "%",
                at_least(90),
                ours=f"{_wall(ahead):.1f} s to safe; the cores reach"
                f" {100 * _rate(free) / (bits_per_s / 8):.0f} %",
                peer=f"sent when packed {100 * _rate(after) / (bits_per_s / 8):.0f} %,"
                f" {_wall(after):.1f} s",
            )
        fast = {
            streams: _send(
                raw, options, None, f"send_ahead_bytes = {ahead_bytes}\nstreams = {streams}"
            )
            for streams in (1, _STREAMS)
        }
    yield Measure(
        f"without a limit: {_STREAMS} connections against one",
        _rate(fast[_STREAMS]) / _rate(fast[1]),
        "x",
        ours=f"{_rate(fast[_STREAMS]) / 1e6:.0f} MB/s",
        peer=f"one {_rate(fast[1]) / 1e6:.0f} MB/s",
    )


def _rate(sent: list[_Sent]) -> float:
    return median(each.bytes_per_s for each in sent)


def _wall(sent: list[_Sent]) -> float:
    return median(each.wall_s for each in sent)


def _send(raw: Path, options: Options, bits_per_s: int | None, settings: str) -> list[_Sent]:
    cubes = sorted(raw.rglob("*.fits"))
    sent = []
    for _ in range(options.rounds):
        get_ready(cubes)
        with (
            workplace(options.folder) as base,
            workplace(None) as keys,
            link_to_archive(keys, bits_per_s) as link,
        ):
            sent.append(_run(raw, base, link, settings))
    return sent


def _run(raw: Path, base: Path, link: Link, settings: str) -> _Sent:
    config = write_config(
        base,
        # The raw files have only just been made.
        watch="pause_while_writing = false\npause_after_write_s = 0.1",
        sync="hold_when_unexpected = false",
        schedule="workers = 2",
        transfer=f"ssh = {json.dumps(link.ssh)}\n{settings}",
    )
    text = config.read_text()
    config.write_text(text.replace(f'"{base}/archive"', f'"{THERE}:{base}/archive"'))
    folder = base / ROOT / _NIGHT.folder
    link_streams(raw, folder)
    traffic = Traffic(link)
    command = (program("vampctl"), "--config", str(config), "run", _NIGHT.date)
    with traffic.watched():
        spent = run_measured((*command, "--until", "transfer"))
    products = (folder / "vgen2").glob("*.fits.fz")
    first = min(path.stat().st_ctime for path in products)
    return _Sent(traffic.rate_from(first), spent.wall_s)
