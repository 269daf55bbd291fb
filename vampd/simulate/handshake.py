"""The handshake trigger, the loggers and their host: settings of what they do to a run.

One micro-controller triggers both cameras and waits for both. Without the FLC one turn is one
exposure. With it a turn is two: relaxed (B), then, J later, driven (A), whose trigger comes another
J later; so the interval from B to A is longer by 2 J than the one back. Commands on the serial line
are served between turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Latency(StrEnum):
    """How the lateness of single stamps is distributed; it is never negative."""

    EXPONENTIAL = "exponential"
    UNIFORM = "uniform"
    PARETO = "pareto"


class AcquisitionClock(StrEnum):
    """What column 5 of a camera's timing files holds."""

    HONEST = "honest"
    ABSENT = "absent"  # 0.0: the stream has no keyword for it
    TAI = "tai"  # 37 s ahead of UTC


@dataclass(frozen=True)
class LateBurst:
    """From trigger ``trigger`` on, for ``span_us``, one camera's frames are stamped late.

    Each by ``least_us`` to ``most_us``, in order; without ``most_us`` all of them wait for the end
    of the burst and are then stamped back to back.
    """

    camera: int
    trigger: int
    span_us: float
    least_us: float = 0.0
    most_us: float = 0.0


@dataclass(frozen=True)
class Handshake:
    """The trigger waits for both cameras after each exposure.

    ``latency_us`` is the mean lateness of a stamp, of shape ``latency``; a fraction ``tail`` of the
    stamps is later by about ``tail_us``, with a heavy tail. A serial command comes after a turn
    with probability ``serial`` and takes ``serial_us`` (least and most; its logarithm is uniform).
    ``bursts`` of late stamps; besides these, one begins at each frame with probability
    ``burst_rate`` and lasts for up to ``longest_burst_us``. The offset rises by ``sweep_us`` a turn
    in sweep mode; the readout grows by ``readout_drift`` and J by ``jitter_drift`` (fractions)
    until the run's end. ``in_beam`` is whether the FLC is in the beam (U_FLCST).
    """

    latency: Latency = Latency.EXPONENTIAL
    latency_us: float = 3.0
    tail: float = 0.001
    tail_us: float = 80.0
    serial: float = 0.0
    serial_us: tuple[float, float] = (100.0, 5_000.0)
    bursts: tuple[LateBurst, ...] = ()
    burst_rate: float = 0.0
    longest_burst_us: float = 8_000.0
    sweep_us: float = 0.0
    readout_drift: float = 0.0
    jitter_drift: float = 0.0
    in_beam: bool = True


@dataclass(frozen=True)
class Unlogged:
    """One camera's logger is off from trigger ``first`` to before trigger ``stop``."""

    camera: int
    first: int
    stop: int


@dataclass(frozen=True)
class HostStep:
    """From trigger ``trigger`` on, the host's clock is ``step_us`` later: all columns jump."""

    trigger: int
    step_us: int


@dataclass(frozen=True)
class CounterReset:
    """The camera's process restarts before trigger ``trigger``: cnt0 begins at 0 there."""

    camera: int
    trigger: int


@dataclass(frozen=True)
class Logging:
    """What the loggers and their host do to a run, besides what ``Run`` itself tells.

    Cards are those of a cube's close, ``card_lag`` triggers later than the setting that they
    describe (negative: earlier), within runs that join. ``camera_fields`` (camera, keyword, value
    field) gives one camera's cards other values.
    """

    unlogged: tuple[Unlogged, ...] = ()
    host_steps: tuple[HostStep, ...] = ()
    counter_resets: tuple[CounterReset, ...] = ()
    acquisition: tuple[AcquisitionClock, AcquisitionClock] = (
        AcquisitionClock.HONEST,
        AcquisitionClock.HONEST,
    )
    card_lag: int = 0
    camera_fields: tuple[tuple[int, str, str], ...] = ()
