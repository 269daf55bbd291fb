"""The header of a simulated raw cube: a whole instrument header with the cube's own values.

``template.header`` holds the cards that no simulation changes, as the logger leaves them: numbers
with more digits than the observatory's dictionary requires, FRAMEID and EXP-ID empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from vampd.model.cubes import (
    CARD_LENGTH,
    Card,
    Cards,
    Timing,
    render_card,
    render_string,
    render_value,
)
from vampd.model.nights import DAY_US, format_clock, format_date, format_hst_clock
from vampd.simulate.scenario import Crop, Defect, Run, Trigger

_DETECTOR_SIZE = (4096, 2304)
_UNIX_EPOCH_MJD = 40587
_WIDTHS = {"OBS-MOD": 16, "DATA-TYP": 18, "OBJECT": 18, "DETECTOR": 18}  # of the logger's strings
_TEMPLATE = "template.header"


@dataclass(frozen=True)
class CubeSetting:
    """What decides a cube's header besides its frames' times; ``run`` is the one that it names."""

    run: Run
    crop: Crop
    camera: int
    defect: Defect | None


def cube_cards(setting: CubeSetting, timing: Timing) -> Cards:
    """The cards of one cube, consistent with its timing and its run."""
    changes: dict[str, str] = {
        **_frame_fields(setting, len(timing)),
        **_exposure_fields(setting, timing),
        **_target_fields(setting),
        **_time_fields(timing),
        **_unmeasured_fields(setting),
        **dict(setting.run.fields),
        **_camera_fields(setting),
    }
    template = _template()
    cards = template.replaced(_with_comments(template, changes))
    absent = set(setting.run.absent)
    if setting.defect is Defect.EXPTIME_MISSING:
        absent.add("EXPTIME")
    if not absent:
        return cards
    return Cards(tuple(card.text for card in cards if card.keyword not in absent))


def header_copy_bytes(cards: Cards) -> bytes:
    """The content of ``<stem>.fits.header``: one card per line."""
    return "".join(f"{text}\n" for text in cards.texts).encode("ascii")


@cache
def _template() -> Cards:
    text = resources.files("vampd.simulate").joinpath(_TEMPLATE).read_text(encoding="ascii")
    return Cards(tuple(line.ljust(CARD_LENGTH) for line in text.splitlines()))


def _with_comments(template: Cards, fields: dict[str, str]) -> Iterator[Card]:
    for keyword, field in fields.items():
        card = template.card(keyword)
        yield render_card(keyword, field, card.comment if card else "")


def _frame_fields(setting: CubeSetting, frames: int) -> dict[str, str]:
    rows, columns = setting.crop.shape(setting.camera)
    numbers = {
        "NAXIS1": columns,
        "NAXIS2": rows,
        "NAXIS3": frames,
        "PRD-MIN1": (_DETECTOR_SIZE[0] - columns) // 2 + 4 * setting.camera,
        "PRD-MIN2": (_DETECTOR_SIZE[1] - rows) // 2,
        "PRD-RNG1": columns,
        "PRD-RNG2": rows,
        "BIN-FCT1": 1,
        "BIN-FCT2": 1,
    }
    return {
        **{keyword: render_value(number) for keyword, number in numbers.items()},
        "CRPIX1": f"{(columns + 1) / 2}",
        "CRPIX2": f"{(rows + 1) / 2}",
    }


def _exposure_fields(setting: CubeSetting, timing: Timing) -> dict[str, str]:
    run, camera = setting.run, setting.camera
    span_us = int(timing.acquired_us[-1] - timing.acquired_us[0])
    measured_hz = 1e6 * (len(timing) - 1) / span_us if span_us else 0.0
    switching = run.flc_jitter_us is not None
    in_beam = switching and (run.handshake is None or run.handshake.in_beam)
    return {
        "EXPTIME": f"{run.exptime_us / 1e6:.15f}",
        "EXTTRIG": render_value(run.trigger is Trigger.EXTERNAL),
        "DETECTOR": _string("DETECTOR", f"VCAM{camera} - OrcaQ"),
        "FRATE": f"{1e6 / run.period_us:.10g}",
        "MFRATE": f"{measured_hz:.13f}",
        "U_CAMERA": render_value(camera),
        "U_DETMOD": _string("U_DETMOD", run.readout.value),
        "U_FLCEN": render_value(switching),
        "U_FLCST": _string("U_FLCST", "IN" if in_beam else "OUT"),
        "U_TRIGEN": render_value(run.trigger is Trigger.EXTERNAL),
        "U_TRIGJT": render_value(run.flc_jitter_us or 0),
    }


def _target_fields(setting: CubeSetting) -> dict[str, str]:
    run = setting.run
    multiband = setting.crop.fields > 1
    mode = "IMAG" if run.flc_jitter_us is None else "IPOL"
    return {
        "OBJECT": _string("OBJECT", run.target),
        "DATA-TYP": _string("DATA-TYP", run.data_type),
        "OBS-MOD": _string("OBS-MOD", f"{mode}-MBI" if multiband else mode),
        "FILTER01": _string("FILTER01", run.filter01),
        "FILTER02": _string("FILTER02", run.filter02),
        "U_FILTER": _string("U_FILTER", run.filter01),
        "U_MBI": _string("U_MBI", "Dichroics" if multiband else "Mirror"),
        "RET-ANG1": f"{run.hwp_angle_deg:.14g}" if run.hwp_angle_deg else "0.",
    }


def _time_fields(timing: Timing) -> dict[str, str]:
    first = int(timing.acquired_us[0])
    last = int(timing.acquired_us[-1])
    middle = (first + last) // 2
    written = last + 1_000_000
    fields = {
        "DATE": render_string(f"{format_date(written)}T{format_clock(written, 0)[:8]}"),
        "DATE-OBS": render_string(format_date(first)),
        "LST": render_string(_sidereal_clock(middle)),
    }
    for suffix, time_us in (("", middle), ("-STR", first), ("-END", last)):
        fields[f"UT{suffix}"] = render_string(format_clock(time_us, 2))
        fields[f"HST{suffix}"] = render_string(format_hst_clock(time_us, 2))
        fields[f"MJD{suffix}"] = f"{_UNIX_EPOCH_MJD + time_us / DAY_US:.15g}"
    return fields


def _unmeasured_fields(setting: CubeSetting) -> dict[str, str]:
    run = setting.run
    nan = (*run.nan, "EXPTIME") if setting.defect is Defect.EXPTIME_NAN else run.nan
    return {**dict.fromkeys(run.undefined, ""), **dict.fromkeys(nan, "NAN")}


def _camera_fields(setting: CubeSetting) -> dict[str, str]:
    own = setting.run.logging.camera_fields
    return {keyword: field for camera, keyword, field in own if camera == setting.camera}


def _sidereal_clock(time_us: int) -> str:
    # Greenwich mean sidereal time by the linear formula since J2000, then Maunakea's longitude.
    since_j2000_d = time_us / DAY_US + _UNIX_EPOCH_MJD - 51544.5
    local_h = (18.697374558 + 24.06570982441908 * since_j2000_d - 155.4761 / 15) % 24
    return format_clock(int(local_h * 3_600_000_000), 3)


def _string(keyword: str, value: str) -> str:
    return render_string(value, _WIDTHS.get(keyword, 18))
