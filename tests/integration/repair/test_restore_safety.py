"""vampctl restore: checked before anything changes, held while it is half done, and resumed."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.conftest import IN_SOAK
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.daemon.state import history_of, ledger_rows, product_tree, raw_state, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.unprivileged import NOBODY, unprivileged_copy
from tests.support.worlds.proof.in_process import InProcess
from vampd.config import load_settings, packaged_file
from vampd.errors import StateError
from vampd.model.nights import EventName, Kind, NightId, Status
from vampd.wiring.locks import night_lock

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site")


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own")


@pytest.fixture
def owned(done_site: Site) -> Iterator[tuple[Site, int | None]]:
    with unprivileged_copy(done_site) as made:
        yield made


def all_of(site: Site) -> tuple[object, ...]:
    """Everything that restoring could change."""
    folder = site.folder(NIGHT)
    return (
        product_tree(folder),
        raw_state(folder),
        ledger_rows(site),
        record_of(site, NIGHT),
        len(history_of(site, NIGHT)),
    )


def first(site: Site, pattern: str) -> Path:
    return min(site.folder(NIGHT).glob(pattern))


def remove_raw(site: Site) -> None:
    for path in site.folder(NIGHT).glob("vcam?/*"):
        path.unlink()


RAW_LOSSES: dict[str, Callable[[Site], object]] = {
    "all of it": remove_raw,
    "one cube": lambda site: first(site, "vcam1/*.fits").unlink(),
    "one timing file": lambda site: first(site, "vcam1/*.txt").unlink(),
    "a cube of another size": lambda site: os.truncate(first(site, "vcam1/*.fits"), 2880),
    "the records of what it was": lambda site: first(site, "vgen2/generation_*").unlink(),
}


def rot(path: Path, at: int) -> None:
    """Another bit, size and mtime as they were."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


ROTS = {
    "a pixel": ("vcam1/*.fits", lambda content: len(content) - 3000),
    "a row": ("vcam1/*.txt", lambda content: len(content) - 3),
    "a value": ("vcam1/*.fits", lambda content: content.index(b"DETGAIN =") + 28),
    "a comment": ("vcam1/*.fits", lambda content: content.index(b"/", content.index(b"GAIN")) + 3),
    "a keyword": ("vcam1/*.fits", lambda content: content.index(b"AIRMASS =")),
}


@pytest.mark.parametrize("what", others_in_soak([*ROTS], few=3))
def test_raw_that_rots_unseen_is_compared_with_the_products_before_these_go(
    site: Site, what: str
) -> None:
    path, place = ROTS[what]
    rotten = first(site, path)
    rot(rotten, place(rotten.read_bytes()))
    before = all_of(site)
    answer = InProcess(site).command("restore", "20251106", "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True)
    assert rotten.stem in answer.text
    assert all_of(site) == before


def test_a_product_of_which_no_record_is_left_may_be_the_one_that_is_whole(site: Site) -> None:
    own, folder, raw = InProcess(site), site.folder(NIGHT), first(site, "vcam1/*.fits")
    rot(raw, ROTS["a pixel"][1](raw.read_bytes()))
    for record in (folder / "vgen2" / "receipts.tsv", folder / "SHA256SUMS"):
        record.unlink()
    for path in site.database.parent.glob("vampd.db*"):
        path.unlink()
    own.advance()
    before = product_tree(folder)
    answer = own.command("restore", "20251106", "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True), answer.text
    assert product_tree(folder) == before
    # Nor does what is no product keep anybody from beginning with raw.
    for product in folder.glob("vgen2/*.fits.fz"):
        product.write_text("nothing")
    assert own.command("restore", "20251106", "--yes").status == 0


@pytest.mark.soak
def test_a_new_dictionary_is_a_reason_to_restore_and_no_rot(site: Site) -> None:
    dictionary = site.base / "keywords.toml"
    text = packaged_file("keywords.toml").read_text()
    dictionary.write_text(re.sub(r"%(\d+)\.\d+f", r"%\1.2f", text))
    configure(site, headers={"dictionary": str(dictionary)})
    answer = InProcess(site).command("restore", "20251106", "--yes")
    assert answer.status == 0, answer.text


def test_a_product_that_only_the_archive_has_whole_is_recovered_before_a_restore(
    site: Site,
) -> None:
    own, product = InProcess(site), first(site, "vgen2/*.fits.fz")
    rot(product, -3000)
    before = all_of(site)
    answer = own.command("restore", "20251106", "--yes")
    assert (answer.status, "not_recovered" in answer.text) == (1, True)
    assert all_of(site) == before
    assert own.command("recover", "20251106", product.name).status == 0
    assert own.command("restore", "20251106", "--yes").status == 0


@pytest.mark.parametrize("loss", RAW_LOSSES)
def test_products_whose_raw_is_not_whole_are_never_removed(site: Site, loss: str) -> None:
    RAW_LOSSES[loss](site)
    before = all_of(site)
    for options in (["--yes"], ["--dry-run"]):
        done = vampctl(site, "restore", "20251106", *options)
        assert done.returncode == 1
        assert "vampctl recover 20251106" in done.stderr
        assert loss != "one cube" or re.search("vcam1/vcam1_.* is gone", done.stderr)
        assert all_of(site) == before


def test_raw_that_may_not_be_read_is_not_whole(owned: tuple[Site, int | None]) -> None:
    site, uid = owned
    cube = first(site, "vcam1/*.fits")
    cube.chmod(0)
    done = vampctl(site, "restore", "20251106", "--yes", uid=uid)
    cube.chmod(0o644)
    assert (done.returncode, "may not be read" in done.stderr) == (1, True)


def close_folder(path: str) -> Callable[[Site], Callable[[], object]]:
    def close(site: Site) -> Callable[[], object]:
        (site.folder(NIGHT) / path).chmod(0o555)
        return lambda: (site.folder(NIGHT) / path).chmod(0o755)

    return close


def unlisted(site: Site) -> Callable[[], object]:
    folder = site.folder(NIGHT) / "vbad"
    folder.chmod(0o300)
    return lambda: folder.chmod(0o755)


def sticky(site: Site) -> Callable[[], object]:
    folder = site.folder(NIGHT) / "vgen2"
    os.chown(folder, 0, NOBODY)
    os.chown(first(site, "vgen2/*.fits.fz"), 0, 0)
    folder.chmod(0o1775)
    return lambda: folder.chmod(0o777)


def immutable(site: Site) -> Callable[[], object]:
    product = first(site, "vgen2/*.fits.fz")
    subprocess.run(["chattr", "+i", product], check=True)
    return lambda: subprocess.run(["chattr", "-i", product], check=True)


CLOSED = {
    "the products' folder": close_folder("vgen2"),
    "the folder of the links": close_folder("vbad/vcam2"),
    "the night's folder": close_folder(""),
    "a folder that cannot be listed": unlisted,
}
if os.geteuid() == 0:
    # Only root can give a file to another user, or make one immutable.
    CLOSED |= {"another's file in a sticky folder": sticky, "an immutable product": immutable}


@pytest.mark.parametrize("what", others_in_soak(CLOSED, few=2))
def test_what_may_not_be_removed_stops_everything_before_it_begins(
    owned: tuple[Site, int | None], what: str
) -> None:
    site, uid = owned
    before = all_of(site)
    reopen = CLOSED[what](site)
    done = vampctl(site, "restore", "20251106", "--yes", uid=uid)
    reopen()
    assert done.returncode == 1, done.stdout
    assert "nothing was changed" in done.stderr
    assert all_of(site) == before
    assert vampctl(site, "restore", "20251106", "--yes", uid=uid).returncode == 0


def test_a_dry_run_shows_what_it_would_do_and_what_was_mailed_and_changes_nothing(
    site: Site,
) -> None:
    assert vampctl(site, "mail", "20251106", "--mark-sent").returncode == 0
    assert vampctl(site, "acknowledge", "20251106").returncode == 0
    before = all_of(site)
    done = vampctl(site, "restore", "20251106", "--dry-run", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "removes  vgen2" in done.stdout
    shown = [line for line in done.stdout.splitlines() if "manifest_VMP_20251106.csv" in line]
    assert "mailed 20" in shown[0]
    assert "acknowledged 20" in shown[0]
    assert "nothing was changed" in done.stdout
    assert all_of(site) == before


def deaths(done_site: Site, tmp_path: Path) -> list[tuple[str, bool]]:
    """The first and the last hit of each failpoint, and whether restoring had begun by then."""
    log = tmp_path / "failpoints"
    reference = copy_site(done_site, tmp_path / "reference")
    done = vampctl(reference, "restore", "20251106", "--yes", VAMPD_FAILPOINT_LOG=str(log))
    assert done.returncode == 0, done.stderr
    hits = log.read_text().split()
    begun = hits.index("restoring.night.begun#1")
    names = {hit.partition("#")[0] for hit in hits}
    ends = [[hit for hit in hits if hit.startswith(f"{name}#")] for name in sorted(names)]
    return [(hit, hits.index(hit) >= begun) for same in ends for hit in sorted({same[0], same[-1]})]


def assert_nothing_but_restore_helps(site: Site) -> None:
    make_smallest(site.root, "20251107")
    settle_here(site)
    # What was done before restoring keeps nobody waiting.
    assert record_of(site, NightId("20251107", Kind.ARCHIVE)).state.status is Status.DONE
    for words in (["retry"], ["retry", "--from", "sync"], ["release"], ["run"]):
        assert vampctl(site, words[0], "20251106", *words[1:]).returncode in (1, 2), words
    assert "vampctl restore 20251106" in vampctl(site, "why", "20251106").stdout


@pytest.mark.parametrize("option", ["--dry-run", "--yes"])
def test_a_night_that_is_worked_on_is_not_looked_at_and_its_worker_is_named(
    site: Site, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files come and go while it is looked at."""

    def look_in_vain(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "vgen2")

    monkeypatch.setattr("vampd.engine.repair.night_restore.plan_restore", look_in_vain)
    before = all_of(site)
    with night_lock(load_settings(site.config), NIGHT):
        refused = vampctl(site, "restore", NIGHT.date, option)
    assert refused.returncode == StateError.exit_status
    assert f"held by pid {os.getpid()}" in refused.stderr.replace("\n", " ")
    assert all_of(site) == before


def test_a_restore_that_is_killed_anywhere_is_held_untouched_and_resumes(
    done_site: Site, tmp_path: Path
) -> None:
    whole = product_tree(done_site.folder(NIGHT))
    raw = {path: state[:2] for path, state in raw_state(done_site.folder(NIGHT)).items()}
    ids = ledger_rows(done_site)
    moments = deaths(done_site, tmp_path)
    assert {"restoring.file.removed#1", "store.apply.updated#2"} <= {hit for hit, _ in moments}
    if not IN_SOAK:
        moments = [moment for moment in moments if crc32(moment[0].encode()) % 4 == 0]
    asked = next(hit for hit, begun in moments if begun)
    for number, (hit, begun) in enumerate(moments):
        site = copy_site(done_site, tmp_path / str(number))
        folder = site.folder(NIGHT)
        died = vampctl(site, "restore", "20251106", "--yes", VAMPD_FAILPOINT=hit)
        assert died.returncode == -signal.SIGKILL, hit
        left = product_tree(folder)
        if not begun:
            assert left == whole
            assert record_of(site, NIGHT).state.status is Status.DONE
            continue
        record = record_of(site, NIGHT)
        assert (record.state.status, record.code) == (Status.HELD, "restore_unfinished"), hit
        if hit == asked:
            assert_nothing_but_restore_helps(site)
            assert product_tree(folder) == left, hit
        resumed = vampctl(site, "restore", "20251106", "--yes")
        assert resumed.returncode == 0, (hit, resumed.stderr)
        assert {path: state[:2] for path, state in raw_state(folder).items()} == raw
        assert record_of(site, NIGHT).code == "restored"
        assert vampctl(site, "retry", "20251106").returncode == 0
        settle_here(site)
        assert product_tree(folder) == whole, hit
        assert [row for row in ledger_rows(site) if row in ids] == ids


def test_a_night_is_restored_only_when_nothing_of_it_is_left(site: Site) -> None:
    assert vampctl(site, "restore", "20251106", "--yes").returncode == 0
    begun, ended = history_of(site, NIGHT)[-2:]
    assert (begun.event, begun.code) == (EventName.RESTORE_BEGUN, "restore_unfinished")
    assert (ended.event, ended.code) == (EventName.RESTORED, "restored")
