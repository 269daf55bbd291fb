"""[transfer]: where the archive's disk is mounted is the destination, or around it."""

import pytest

from tests.support.builders.settings import make_settings
from vampd.config import Destination, with_destination
from vampd.errors import UsageError
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
