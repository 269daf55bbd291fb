"""What was announced under an ID is never replaced unseen, whatever was restored and made again."""

import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.worlds.daemon import (
    Site,
    copy_site,
    make_site,
    product_tree,
    record_of,
    settle,
    vampctl,
)
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.proofs import parse_sums

NIGHT = NightId("20251106", Kind.ARCHIVE)
DIGESTS = "manifest_VMP_20251106.sha256"


@pytest.fixture(scope="module")
def solo_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A mailed night whose camera 2 has not come yet; it waits beside the root."""
    made = make_site(tmp_path_factory.mktemp("site"))
    make_smallest(made.root)
    (made.folder(NIGHT) / "vcam2").rename(made.base / "vcam2")
    settle(made)
    assert vampctl(made, "mail", "20251106", "--mark-sent").returncode == 0
    return made


@pytest.fixture
def site(solo_site: Site, tmp_path: Path) -> Site:
    return copy_site(solo_site, tmp_path / "own")


def restore_with_camera_2(site: Site) -> None:
    shutil.move(site.base / "vcam2", site.folder(NIGHT) / "vcam2")
    done = vampctl(site, "restore", "20251106", "--yes")
    assert done.returncode == 0, done.stderr
    assert "manifest_VMP_20251106.csv: mailed" in done.stdout
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle(site)


@pytest.mark.parametrize("version", ["this", "an earlier one"])
def test_other_bytes_under_a_mailed_id_hold_the_night_before_they_are_sent(
    site: Site, version: str
) -> None:
    folder, copy = site.folder(NIGHT), site.copy(NIGHT)
    if version == "an earlier one":
        (folder / DIGESTS).unlink()
    archived = product_tree(copy)
    restore_with_camera_2(site)
    record = record_of(site, NIGHT)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.HELD)
    assert record.code == "manifest_stale"
    assert product_tree(copy) == archived
    # Whoever decides that it shall be so says it by moving the manifest out of the way.
    (folder / "manifest_VMP_20251106.csv").unlink()
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle(site)
    assert record_of(site, NIGHT).state.status is Status.DONE
    digests = parse_sums((folder / DIGESTS).read_text())
    assert digests.items() <= product_tree(folder).items()
    assert digests.items() <= product_tree(copy).items()


def test_the_digests_beside_a_manifest_are_the_same_on_every_machine(site: Site) -> None:
    folder = site.folder(NIGHT)
    text = (folder / DIGESTS).read_text()
    assert parse_sums(text).items() <= parse_sums((folder / "SHA256SUMS").read_text()).items()
    assert len(parse_sums(text)) == len(list((folder / "vgen2").glob("VMP*.fits.fz")))
    assert DIGESTS not in product_tree(site.copy(NIGHT))
