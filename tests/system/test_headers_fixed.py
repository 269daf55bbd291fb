"""The community's tools judge files whose headers were fixed, plain and packed."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.support.builders.framelists import framelist_of
from tests.support.builders.products import verify_fits
from tests.support.builders.raw_cubes import raw_cards, raw_pixels, write_raw_cube
from tests.support.daemon.running import BIN, vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.examples import others_in_soak
from vampd.disk.pace import SteadyPace
from vampd.fits.headers import format_header, plain_cards, sum_bytes
from vampd.fits.products import pack_cube
from vampd.model.cubes import Cards

Tool = Callable[[str], str]
PIXELS = raw_pixels(5, 16, 24)
OPTIONS = {"rows": (), "frames": ("-t", "24,16,1")}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def plain_file(path: Path) -> Path:
    """A plain cube with checksums and cards out of form, as the standard has them."""
    stored = (PIXELS.astype(np.int32) - 32768).astype(">i2").tobytes()
    data = stored + bytes(-len(stored) % 2880)
    cards = plain_cards(raw_cards(PIXELS.shape), sum_bytes(data))
    path.write_bytes(format_header(cards) + data)
    return path


def fix(site: Site, path: Path) -> None:
    changed = vampctl(site, "headers", "fix", str(path))
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert "EXPTIME =           0.00180000" in changed.stdout
    assert vampctl(site, "headers", "check", str(path)).returncode == 0


def unpack(tool: Tool, packed: Path) -> Path:
    restored = packed.with_name("restored.fits")
    subprocess.run([tool("funpack"), "-O", restored, packed], check=True)
    return restored


def data_of(path: Path) -> bytes:
    with fits.open(path, disable_image_compression=True) as hdus:
        begin = hdus[-1].fileinfo()["datLoc"]
    return path.read_bytes()[begin:]


def test_a_fixed_plain_cube_verifies(site: Site, tmp_path: Path, tool: Tool) -> None:
    path = plain_file(tmp_path / "plain.fits")
    verify_fits(tool, path)
    data = data_of(path)
    fix(site, path)
    verify_fits(tool, path)
    assert data_of(path) == data
    assert np.array_equal(fits.getdata(path), PIXELS)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_fixing_what_fpack_packed_equals_packing_what_was_fixed(
    site: Site, tmp_path: Path, tool: Tool, options: tuple[str, ...]
) -> None:
    plain = plain_file(tmp_path / "plain.fits")
    subprocess.run([tool("fpack"), "-r", *options, plain], check=True)
    packed = tmp_path / "plain.fits.fz"
    compressed = data_of(packed)
    fix(site, packed)
    fix(site, plain)
    assert data_of(packed) == compressed
    verify_fits(tool, packed)
    restored = unpack(tool, packed)
    verify_fits(tool, restored)
    assert restored.read_bytes() == plain.read_bytes()


def test_a_fixed_product_of_vampd_verifies_packed_and_unpacked(
    site: Site, tmp_path: Path, tool: Tool
) -> None:
    night = tmp_path / "night"
    framelist = framelist_of([write_raw_cube(night, pixels=PIXELS)])
    (night / "vgen2").mkdir()
    packed = night / framelist.packed_path
    sidecar = night / framelist.sidecar_path
    pack_cube(framelist, night, packed, sidecar, "full", SteadyPace())
    compressed = data_of(packed)
    fix(site, packed)
    assert data_of(packed) == compressed
    verify_fits(tool, packed)
    restored = unpack(tool, packed)
    verify_fits(tool, restored)
    with fits.open(restored, checksum=True) as hdus:
        assert np.array_equal(hdus[0].data, PIXELS)
        assert str(hdus[0].header.cards["EXPTIME"])[:30] == "EXPTIME =           0.00180000"


def test_a_real_header_is_fixed_only_where_the_dictionary_says(
    site: Site, tmp_path: Path, real_telemetry: Path
) -> None:
    for number, file in enumerate(sorted(real_telemetry.rglob("*.fits.header"))):
        before = Cards(tuple(file.read_text("ascii").splitlines()))
        cut = [t for t in before.texts if not t.startswith(("NAXIS", "BSCALE", "BZERO"))]
        path = tmp_path / f"{number}.fits"
        header = Cards((*cut[:2], "NAXIS   =                    0".ljust(80), *cut[2:]))
        path.write_bytes(format_header(header))
        assert vampctl(site, "headers", "fix", str(path)).returncode == 0
        content = path.read_bytes().decode("ascii")
        after = [content[at : at + 80] for at in range(0, len(content), 80)]
        changed = [(a, b) for a, b in zip(header.texts, after, strict=False) if a != b]
        assert changed
        for old, new in changed:
            assert old[:10] == new[:10]
            was, now = fits.Card.fromstring(old), fits.Card.fromstring(new)
            assert type(was.value) in (type(now.value), int)
            assert now.comment == was.comment
            if isinstance(was.value, str):
                assert now.value == was.value
            else:
                assert now.value == pytest.approx(was.value, abs=5e-4)
        assert vampctl(site, "headers", "check", str(path)).returncode == 0


@pytest.mark.parametrize(
    "failpoint",
    others_in_soak(
        [
            *("atomic.replacing.written", "atomic.replacing.renamed", "atomic.temporary.made"),
            *("atomic.replacing.file_synced", "atomic.replacing.folder_synced"),
        ],
        few=2,
    ),
)
def test_a_fix_that_is_killed_leaves_the_old_file_or_the_new_one(
    site: Site, tmp_path: Path, tool: Tool, failpoint: str
) -> None:
    path = plain_file(tmp_path / "plain.fits")
    old = path.read_bytes()
    done = subprocess.run(
        [BIN / "vampctl", "--config", site.config, "headers", "fix", path],
        env={"VAMPD_FAILPOINT": failpoint, "PATH": ""},
        start_new_session=True,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    is_old = path.read_bytes() == old
    assert is_old == (
        failpoint not in ("atomic.replacing.renamed", "atomic.replacing.folder_synced")
    )
    if is_old:
        fix(site, path)
    verify_fits(tool, path)
    assert vampctl(site, "headers", "check", str(path)).returncode == 0
