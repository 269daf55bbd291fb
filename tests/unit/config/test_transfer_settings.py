"""[transfer]: where the archive's disk is mounted is the destination, or around it."""

from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from vampd.config import (
    Destination,
    Transfer,
    parse_settings,
    with_destination,
)
from vampd.config.transfer import misplaced_destinations
from vampd.errors import ConfigError, UsageError
from vampd.model.nights import Kind


@pytest.mark.parametrize("point", ["/", "/mnt/tier1", "/mnt/tier1/", "/mnt/tier1/2_ARCHIVED_DATA"])
@pytest.mark.parametrize("host", ["", "sc6l:"])
def test_a_mount_point_is_the_destination_or_a_folder_above_it(host: str, point: str) -> None:
    made = Destination.model_validate(
        {"destination": f"{host}/mnt/tier1/2_ARCHIVED_DATA", "mount_point": point}
    )
    assert str(made.mount_point) == (point.rstrip("/") or "/")


@pytest.mark.parametrize("point", ["/mnt/tier2", "/mnt/tier", "mnt/tier1", "/mnt/tier1/nights/x"])
def test_any_other_mount_point_says_nothing_of_the_destination_and_is_refused(point: str) -> None:
    with pytest.raises(ValueError, match="or a folder above it"):
        Destination.model_validate({"destination": "/mnt/tier1/nights", "mount_point": point})


ROOT = "/mnt/fuuu"


@pytest.mark.parametrize(
    ("archive", "engineering", "key"),
    [
        ("/mnt/tier1", "/mnt/tier1", "engineering.destination"),
        ("h:/mnt/tier1", "h:/mnt/tier1/.", "engineering.destination"),
        ("/mnt/tier1", "/mnt/tier1/20251106/x", "engineering.destination"),
        ("/mnt/tier1/20251106", "/mnt/tier1", "archive.destination"),
        (ROOT, "/mnt/tier1", "archive.destination"),
        (f"{ROOT}/20251106/vcam1", "/mnt/tier1", "archive.destination"),
        ("/mnt/tier1", "h:/mnt/tier2/20251106", "engineering.destination"),
        ("/mnt/tier1", f"{ROOT}/ARCHIVED_DATA", "engineering.destination"),
        ("/mnt/tier1", f"{ROOT}/x/..", "engineering.destination"),
    ],
)
def test_a_destination_is_neither_the_nights_nor_that_of_the_other_kind(
    archive: str, engineering: str, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(tables(archive, engineering), "the file")
    assert f"the file: key transfer.{key}: " in caught.value.message


def test_where_nights_may_be_moved_to_is_not_where_they_are() -> None:
    for template in (f"{ROOT}/{{date}}", f"{ROOT}/ARCHIVED_DATA/./{{date}}"):
        with pytest.raises(ConfigError, match=r"transfer\.archive\.moved_to"):
            parse_settings(tables("/mnt/a", "/mnt/b", template), "the file")


@pytest.mark.parametrize(
    ("archive", "engineering"),
    [
        ("/mnt/tier1/2_ARCHIVED_DATA", "/mnt/tier1"),
        ("h:/mnt/tier1", "/mnt/tier1"),
        (f"h:{ROOT}", f"{ROOT}/kept"),
    ],
)
def test_one_destination_may_lie_in_the_other_beside_its_nights(
    archive: str, engineering: str
) -> None:
    settings = parse_settings(tables(archive, engineering, "/mnt/x/{date}"), "the file")
    assert settings.transfer.archive.destination == archive
    for wrong in (engineering, f"{engineering}/20251106"):
        with pytest.raises(UsageError) as caught:
            with_destination(settings, Kind.ARCHIVE, wrong)
        assert caught.value.code == "no_destination"


def tables(archive: str, engineering: str, moved: str = "/mnt/moved/{date}") -> str:
    return (
        f'[watch]\nroot = "{ROOT}"\n[database]\nurl = "sqlite:////var/lib/vampd/state.db"\n'
        f'[transfer.archive]\ndestination = "{archive}"\nmoved_to = ["{moved}"]\n'
        f'[transfer.engineering]\ndestination = "{engineering}"\n'
    )


def test_another_destination_has_no_mount_point_that_is_known() -> None:
    table = {"destination": "/mnt/tier1", "mount_point": "/mnt/tier1", "moved_to": ["/x/{date}"]}
    settings = make_settings(transfer={"archive": table})
    assert with_destination(settings, Kind.ARCHIVE, "/mnt/tier1") is settings
    moved = with_destination(settings, Kind.ARCHIVE, "h:/mnt/tier2").transfer
    assert moved.archive == Destination(destination="h:/mnt/tier2", moved_to=("/x/{date}",))
    assert moved.engineering == settings.transfer.engineering
    for wrong in ("relative", "-h:/x", ""):
        with pytest.raises(UsageError) as caught:
            with_destination(settings, Kind.ARCHIVE, wrong)
        assert caught.value.code == "no_destination"


def test_both_kinds_are_not_moved_to_one_folder() -> None:
    archive = Destination(destination="h:/a", moved_to=("/m/{date}", "/tier/../n/{date}"))
    for moved, refused in (("/n/{date}", ["engineering.moved_to"]), ("/o/{date}", [])):
        engineering = Destination(destination="h:/e", moved_to=(moved,))
        transfer = Transfer(archive=archive, engineering=engineering)
        assert [key for key, _ in misplaced_destinations(transfer, Path("/data"))] == refused
