"""Frame IDs of others, whatever people made of the records that show them, and after these."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.repair.test_adopt import keep, one_night, planned
from tests.support.daemon.state import connected
from tests.support.worlds.sites.old_site import Life
from vampd.engine.repair.night_restore import plan_restore
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId


def in_another_form(form: Callable[[str], str]) -> Callable[[Path], object]:
    """The night's manifest, which is all that is left, with each line in another form."""

    def spoil(folder: Path) -> None:
        (manifest,) = folder.glob("manifest*")
        lines = manifest.read_text().splitlines()
        manifest.write_text("".join(f"{form(line)}\n" for line in lines))

    return spoil


def renamed(name: str) -> Callable[[Path], object]:
    return lambda folder: next(folder.glob("manifest*")).rename(folder / name)


def hidden(folder: Path) -> None:
    """The products have other names, and no list names them."""
    for path in (*folder.glob("manifest*"), folder / "vgen2/name_changes.txt"):
        path.unlink()
    for path in folder.glob("vgen2/VMP*"):
        path.rename(path.with_name(f"{path.name}.old"))


def moved(place: str) -> Callable[[Path], object]:
    def move(folder: Path) -> None:
        hidden(folder)
        (folder / "vgen2").rename(folder / "away")
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / "away").rename(folder / place)

    return move


def only_bad(folder: Path) -> None:
    names = sorted(path.name for path in folder.glob("vgen2/*.fz"))
    (folder / "bad_sc6_files.txt").write_text("".join(f"2025/vgen2/{name}\n" for name in names))
    hidden(folder)
    shutil.rmtree(folder / "vgen2")


EVIDENCE: dict[str, tuple[Life, Callable[[Path], object]]] = {
    "a byte order mark": (Life.ENDED, in_another_form(lambda line: f"\ufeff{line}")),
    "commas": (Life.ENDED, in_another_form(lambda line: line.replace("|", ","))),
    "quotes": (Life.ENDED, in_another_form(lambda line: f'"{line.replace("|", chr(34) + "|")}')),
    "names of files": (Life.ENDED, in_another_form(lambda line: line.partition("|")[2])),
    "a copy": (Life.ENDED, renamed("manifest_VMP_20190101.csv.bak")),
    "another name": (Life.ENDED, renamed("Old_Manifest.txt")),
    "products of other names": (Life.SAFE, hidden),
    "products in another folder": (Life.SAFE, moved("vgen2_old")),
    "products in a folder of vgen2": (Life.SAFE, moved("vgen2/first")),
    "a list of bad files": (Life.SAFE, only_bad),
}


@pytest.mark.parametrize("form", EVIDENCE)
def test_an_id_that_anything_shows_is_used_whatever_people_made_of_it(
    tmp_path: Path, form: str
) -> None:
    life, change = EVIDENCE[form]
    site, one = one_night(tmp_path, life)
    change(site.folder(one.night))
    with connected(site) as connections:
        (adoption,) = planned(connections)
        restore = plan_restore(one.night, site.root, connections.reader)
    assert adoption.ids == {FrameId(number) for number in one.numbers}
    assert str(FrameId(one.numbers[0])) in restore.foreign


def test_ids_on_record_forbid_a_restore_when_nothing_in_the_folder_shows_them_any_more(
    tmp_path: Path,
) -> None:
    site, one = one_night(tmp_path, Life.DELETED)
    folder = site.folder(one.night)
    with connected(site) as connections:
        keep(connections, planned(connections))
        for path in (*folder.glob("manifest*"), *folder.glob("*_process.log")):
            path.unlink()
        (site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").unlink()
        foreign = plan_restore(one.night, site.root, connections.reader).foreign
        assert all(str(FrameId(number)) in foreign for number in one.numbers)
        assert connections.ledger.foreign(NightId("20251106", Kind.ARCHIVE)) == ()
        assert connections.ledger.foreign(one.night) == tuple(map(FrameId, one.numbers))
