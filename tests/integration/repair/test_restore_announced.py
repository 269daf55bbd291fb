"""What was announced under an ID is never replaced unseen, whatever was restored and made again."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import others_in_soak
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.proofs import parse_sums

NIGHT = NightId("20251106", Kind.ARCHIVE)
DIGESTS = "manifest_VMP_20251106.sha256"


@pytest.fixture(scope="module")
def solo_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A mailed night whose camera 2 has not come yet; it waits beside the root."""
    made = make_site(tmp_path_factory.mktemp("site"), sync={"hold_when_unexpected": False})
    make_smallest(made.root)
    (made.folder(NIGHT) / "vcam2").rename(made.base / "vcam2")
    settle_here(made)
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
    settle_here(site)


@pytest.mark.soak
@pytest.mark.parametrize("version", others_in_soak(["this", "an earlier one"]))
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
    settle_here(site)
    assert record_of(site, NIGHT).state.status is Status.DONE
    (shown,) = json.loads(vampctl(site, "status", "--problems", "--json").stdout)
    assert shown["mail"] == "written anew since it was mailed, not mailed"
    assert shown["mailed_at"] is None
    assert "announced before" in vampctl(site, "manifest", "20251106").stdout
    assert vampctl(site, "mail", "20251106", "--mark-sent").returncode == 0
    assert json.loads(vampctl(site, "manifest", "20251106", "--json").stdout)["replaced_ids"] == []
    assert json.loads(vampctl(site, "status", "--problems", "--json").stdout) == []
    digests = parse_sums((folder / DIGESTS).read_text())
    assert digests.items() <= product_tree(folder).items()
    assert digests.items() <= product_tree(copy).items()


def test_ids_that_lost_their_product_are_listed_until_somebody_acknowledges_it(site: Site) -> None:
    assert lost_by(site) == ({}, {}, {})
    # Paired and cut, its frames are in other products.
    shutil.move(site.base / "vcam2", site.folder(NIGHT) / "vcam2")
    configure(site, sync={"cut_after_s": 0.05})
    before = {path.name[:12] for path in (site.folder(NIGHT) / "vgen2").glob("VMP*.fits.fz")}
    assert vampctl(site, "restore", "20251106", "--yes").returncode == 0
    assert set(lost_by(site)[0]) == before
    # Which of them get their products again, only sync knows.
    early = vampctl(site, "acknowledge", "20251106", "--lost")
    assert (early.returncode, "not synchronized yet" in early.stderr) == (2, True)
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle_here(site)
    after = {path.name[:12] for path in (site.folder(NIGHT) / "vgen2").glob("VMP*.fits.fz")}
    gone = before - after
    assert gone
    for listed in lost_by(site):
        assert set(listed) == gone
        assert set(listed.values()) == {"manifest_VMP_20251106.csv"}
    assert vampctl(site, "acknowledge", "20251106", "--lost").returncode == 0
    assert lost_by(site) == ({}, {}, {})


def test_a_night_whose_announcements_cannot_be_read_is_a_finding_and_hides_no_other(
    site: Site,
) -> None:
    (site.folder(NIGHT) / "manifest_VMP_20251106.csv").write_text("nonsense\n")
    done = vampctl(site, "frameids")
    assert done.returncode == 1
    assert "20251106: manifest_VMP_20251106.csv: line 1" in done.stdout
    assert "frame IDs, 0 unused" in done.stdout


def lost_by(site: Site) -> tuple[dict[str, str], ...]:
    """The IDs without a product, with the manifests that list them, as each command shows them."""
    shown = (
        json.loads(vampctl(site, *words, "--json").stdout)[key]
        for words, key in (
            (["frameids", "--quick"], "lost"),
            (["audit", "20251106"], "lost_ids"),
            (["manifest", "20251106"], "lost_ids"),
        )
    )
    return tuple({one["frame_id"]: one["manifest"] for one in listed} for listed in shown)


def test_the_digests_beside_a_manifest_are_the_same_on_every_machine(site: Site) -> None:
    folder = site.folder(NIGHT)
    text = (folder / DIGESTS).read_text()
    assert parse_sums(text).items() <= parse_sums((folder / "SHA256SUMS").read_text()).items()
    assert len(parse_sums(text)) == len(list((folder / "vgen2").glob("VMP*.fits.fz")))
    assert DIGESTS not in product_tree(site.copy(NIGHT))
