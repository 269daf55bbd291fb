"""Cards of any content cost at most their own cube."""

import pytest

from tests.support.builders.raw_cubes import (
    raw_cards,
)
from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.malformed_site import FRAMES, add_cube, neighbors_kept, path_of
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.model.cubes import Card, Cards
from vampd.model.nights import Stream

_NONSENSE = {
    "missing": None,
    "undefined": "",
    "empty": "''",
    "nan": "NAN",
    "word": "'nonsense'",
    "logical": "T",
    "negative": "-5",
    "huge": "1E300",
    "beyond": "1E400",
    "open quote": "'never closed",
    "date": "'2025-13-45T99:00:00.123456789'",
}


# instrument.md, "Header cards that matter"; one of each kind is first.
_KEYWORDS = [
    "EXPTIME",
    "EXTTRIG",
    "U_CAMERA",
    "U_FLC",
    "U_TRIGJT",
    "U_DETMOD",
    "PRD-MIN1",
    "BIN-FCT1",
    "FILTER01",
    "RET-ANG1",
    "DATE-OBS",
    "FRAMEID",
    "DETECTOR",
    "U_FLCEN",
    "U_FLCST",
    "PRD-MIN2",
    "PRD-RNG1",
    "PRD-RNG2",
    "BIN-FCT2",
    "FILTER02",
    "OBJECT",
    "DATA-TYP",
    "OBS-MOD",
    "DATE",
    "UT",
    "UT-STR",
    "UT-END",
    "HST",
    "HST-STR",
    "HST-END",
    "MJD",
    "MJD-STR",
    "MJD-END",
    "EXP-ID",
    "DETGAIN",
    "U_MBI",
]


def _header_with(stream: Stream, keyword: str, field: str | None) -> Cards:
    cards = raw_cards((FRAMES, 6, 10), stream)
    texts = [text for text in cards.texts if text[:8].rstrip() != keyword]
    if field is not None:
        texts.append(Card(f"{keyword:<8}= {field:<20} / nonsense".ljust(80)).text)
    return Cards(tuple(texts))


@pytest.mark.parametrize("keyword", others_in_soak(_KEYWORDS, few=6))
def test_a_card_of_any_content_costs_at_most_its_own_cube(site: SyncSite, keyword: str) -> None:
    with neighbors_kept(site):
        odd = {
            name: [
                add_cube(site, at_s, stream, raw_header=_header_with(stream, keyword, field))
                for stream in (Stream.VCAM1, Stream.VCAM2)
            ]
            for at_s, (name, field) in enumerate(_NONSENSE.items())
        }
    reasons = site.reasons()
    for name, cubes in odd.items():
        for cube in cubes:
            if keyword != "EXPTIME":
                assert path_of(cube) not in reasons
                assert site.frames_of(path_of(cube)) == FRAMES
                continue
            missing = name in ("missing", "undefined", "empty")
            code = "exptime_missing" if missing else "exptime_invalid"
            assert reasons[path_of(cube)] == code


@pytest.mark.parametrize(("camera", "refused"), [(1, False), (2, True), (0, False), (3, False)])
def test_only_a_cube_that_says_to_be_the_other_cameras_is_refused(
    site: SyncSite, camera: int, *, refused: bool
) -> None:
    with neighbors_kept(site):
        cube = add_cube(site, 0, changes={"U_CAMERA": camera})
    assert site.reasons() == ({path_of(cube): "wrong_camera"} if refused else {})


@pytest.mark.parametrize(
    "date", ["2025-11-06T10:20:02.123456789", "2025-11-06", "yesterday", "10:20:02", ""]
)
def test_a_name_in_hawaiian_time_is_only_a_wrong_name(site: SyncSite, date: str) -> None:
    with neighbors_kept(site):
        one = add_cube(site, 0, name="vcam1_00:20:00.509419918.fits", changes={"DATE": date})
        two = add_cube(site, 0, Stream.VCAM2, changes={"DATE": date})
    assert site.reasons() == {}
    assert site.frames_of(path_of(one)) == site.frames_of(path_of(two)) == FRAMES
    made = [f for f in site.framelists() if any(part.cube == path_of(one) for part in f.ranges)]
    assert {f.name.split(".cam1")[0] for f in made} == {"vsync_10:20:00.509123"}
    assert {f.cards.string("UT-STR") for f in made} == {"10:20:00.509"}
