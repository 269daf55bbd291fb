"""What an earlier version left goes on under this one: database, folders and archive copies.

`tests/past` keeps a site of every version since 0.1.0, with nights at every stage in every status.
One module, however long: each version's site is migrated and continued once for all of its laws.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.daemon.running import settle
from tests.support.daemon.site import Site
from tests.support.daemon.state import connected
from tests.support.tools.scripts import run_script
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.records.past import (
    PAST_VERSIONS,
    PastSite,
    extract_database,
    extract_site,
)
from tests.support.worlds.records.stores import url_of
from vampd.cli.look.audit import audit_object, count_night
from vampd.cli.look.night_objects import event_object
from vampd.cli.program import app_for
from vampd.config import load_settings
from vampd.errors import StoreError
from vampd.model.delivery import MailOutcome
from vampd.model.nights import Kind, NightId, StageName, Status, WaitCode
from vampd.store.database import opening as opening_module
from vampd.store.database.opening import Access, open_store
from vampd.store.schema import REVISION

pytestmark = pytest.mark.early

Rows = dict[str, list[dict[str, Any]]]

# What a daemon notes of nights, each of which stands in what is kept.
NOTED = {
    WaitCode.IGNORED,
    WaitCode.UNLISTED,
    WaitCode.NO_CUBES,
    WaitCode.BEFORE_HOUR,
    WaitCode.STILL_WRITTEN,
    WaitCode.INCOMPLETE_CUBES,
    WaitCode.NO_AUTHORITY,
    WaitCode.OLDER_NIGHT,
}
# A night that is held by a person keeps no other note since 0.3.0.
NOT_NOTED = {"0.3.0": {WaitCode.NO_AUTHORITY}}
LATEST = PAST_VERSIONS[-1]
# Texts for people: they name what is so now, in the words of the version that tells it.
IN_WORDS = {"note"}

MIGRATE_AND_DIE = """
import os, shutil, signal, sys
from pathlib import Path
import alembic.command, alembic.config
from sqlalchemy import Engine, event
from vampd.store.database.opening import Access, open_store

kept, folder, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
hits = deadly = 0

def hit(*_):
    global hits
    hits += 1
    if hits == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

def migrate(path):
    os.makedirs(path.parent)
    shutil.copy(kept, path)
    child = os.fork()
    if not child:
        open_store(f"sqlite:///{path}", Access.MIGRATE)
        (path.parent / "hits").write_text(str(hits))
        os._exit(0)
    return os.waitpid(child, 0)[1]

event.listen(Engine, "after_cursor_execute", hit)
event.listen(Engine, "commit", hit)
status = migrate(folder / "whole" / "vampd.db")
assert status == 0, status
last = int((folder / "whole" / "hits").read_text())
for deadly in range(1, last + 1, stride):
    assert migrate(folder / str(deadly) / "vampd.db") == signal.SIGKILL
"""


def migrate(path: Path) -> None:
    open_store(url_of(path), Access.MIGRATE).close()


def rows_of(path: Path) -> Rows:
    """Every row of every table of ours, wherever the site lies."""
    base = str(path.parents[1])
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'alembic_%'"
        ).fetchall()
        return {
            name: [
                {
                    key: value.replace(base, "@SITE@") if isinstance(value, str) else value
                    for key, value in dict(row).items()
                }
                for row in connection.execute(f"SELECT * FROM {name}")
            ]
            for (name,) in tables
        }


def dump_of(path: Path) -> list[str]:
    """The whole database, schema and its revision included, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def revision_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(revision)


def shown_now(site: Site, *words: str) -> Any:
    """What a command of this version prints as JSON."""
    command = ["--config", str(site.config), *words, "--json"]
    shown = CliRunner().invoke(app_for(command), command)
    assert shown.exit_code in (0, 1), shown.output
    return json.loads(shown.stdout)


def histories_of(site: Site) -> dict[str, Any]:
    """What ``vampctl history --json`` prints of each night."""
    with connected(site) as connections:
        return {
            named(night): [
                {
                    "date": night.date,
                    "kind": str(night.kind),
                    "events": [event_object(e) for e in connections.store.history(night)],
                }
            ]
            for night in (record.night for record in connections.store.nights())
        }


def histories_then(past: PastSite) -> dict[str, Any]:
    """The same, as it was printed then; what it tells besides has its own tests."""
    return {
        night: [{key: one[key] for key in ("date", "kind", "events")} for one in shown]
        for night, shown in past.shown["history"].items()
    }


def audits_of(site: Site, nights: Collection[str]) -> dict[str, Any]:
    """What ``vampctl audit --json`` prints of these nights."""
    with connected(site) as connections:
        return {
            named(record.night): audit_object(
                record.night,
                count_night(record, site.folder(record.night), connections.reader),
            )
            for record in connections.store.nights()
            if named(record.night) in nights
        }


def named(night: NightId) -> str:
    return f"{night.date} {night.kind}"


def without_words(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key not in IN_WORDS}


def still_shows(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Whether every key of then has its value now; there may be more of them, inside one too."""
    return all(
        still_shows(now[key], value) if isinstance(value, dict) else now[key] == value
        for key, value in then.items()
    )


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256, or target of a link, of every file, by path."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path)
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def raw_files_of(site: Site) -> dict[str, tuple[str, int]]:
    """The files of the camera streams, and their mtimes."""
    return {
        name: (digest, (site.root / name).lstat().st_mtime_ns)
        for name, digest in files_of(site.root).items()
        if "vbad" not in name and "/vcam" in name
    }


def products_of(site: Site) -> dict[str, str]:
    """The packed products among the files of the root and of the archive."""
    files = files_of(site.root) | {f"there/{k}": v for k, v in files_of(site.destination).items()}
    return {name: digest for name, digest in files.items() if name.endswith(".fits.fz")}


@pytest.fixture(scope="module", params=PAST_VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def as_kept(version: str, tmp_path_factory: pytest.TempPathFactory) -> PastSite:
    """A version's site as it was kept; nothing may change it."""
    return extract_site(version, tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def migrated(version: str, tmp_path_factory: pytest.TempPathFactory) -> PastSite:
    """A version's site with its database migrated, no daemon running."""
    past = extract_site(version, tmp_path_factory.mktemp("migrated"))
    migrate(past.site.database)
    return past


@dataclass(frozen=True)
class Continued:
    """A version's site before and after vampd of today has run on it."""

    before: PastSite
    site: Site
    status: dict[NightId, dict[str, Any]]
    left: frozenset[NightId]


def is_left_to_soak(night: NightId, then: Mapping[str, Any]) -> bool:
    """Whether it is one of many that go the same way: a night of each way costs 1 s of CPU."""
    began_early = then["stage"] in (StageName.SYNC, StageName.HEADERS)
    return night.kind is Kind.ARCHIVE and (began_early or then["status"] != Status.RUNNING)


# A whole site costs 20 s of CPU by a daemon; today's sites come from the latest.
@pytest.fixture(
    scope="module",
    params=[
        (LATEST, "some"),
        *(pytest.param((version, "all"), marks=pytest.mark.soak) for version in PAST_VERSIONS),
    ],
    ids=" ".join,
)
def continued(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    version, nights = request.param
    before = extract_site(version, tmp_path_factory.mktemp("before"))
    past = extract_site(version, tmp_path_factory.mktemp("continued"))
    left: frozenset[NightId] = frozenset()
    if nights == "some":
        left = frozenset(
            night for night, then in before.nights.items() if is_left_to_soak(night, then)
        )
        InProcess(past.site, left=left).advance()
    else:
        settle(past.site)
    shown = shown_now(past.site, "status")
    status = {NightId(one["date"], Kind(one["kind"])): one for one in shown}
    return Continued(before, past.site, status, left)


def test_a_version_is_kept():
    assert "0.1.0" in PAST_VERSIONS


def test_every_stage_and_status_that_can_stand_is_kept(as_kept: PastSite):
    nights = [(n["kind"], n["stage"], n["status"]) for n in as_kept.shown["status"]]
    at_work = (Status.READY, Status.RUNNING, Status.WAITING, Status.HELD)
    wanted: set[tuple[str, str, str]]
    wanted = {("archive", stage, status) for stage in StageName for status in at_work}
    wanted |= {("archive", "manifest", "done"), ("engineering", "transfer", "done")}
    wanted |= {(kind, "sync", "filling") for kind in Kind}
    assert wanted <= set(nights)
    outcomes = {row["outcome"] for row in rows_of(as_kept.site.database)["mailings"]}
    assert outcomes == set(MailOutcome)


def test_the_kept_files_are_what_their_receipts_show(as_kept: PastSite):
    site, rows = as_kept.site, rows_of(as_kept.site.database)
    nights = {row["id"]: NightId(row["date"], Kind(row["kind"])) for row in rows["nights"]}
    here = [row for row in rows["receipts"] if row["place"] == "here"]
    for row in here:
        path = site.folder(nights[row["night_id"]]) / row["path"]
        if path.exists():
            status = path.stat()
            assert (status.st_size, status.st_mtime_ns) == (row["size"], row["mtime_ns"]), path
    assert here


def test_the_configuration_of_then_is_understood(as_kept: PastSite):
    assert load_settings(as_kept.site.config).watch.root == as_kept.site.root


def test_a_migration_keeps_every_row(as_kept: PastSite, migrated: PastSite):
    assert revision_of(migrated.site.database) == REVISION
    before, after = rows_of(as_kept.site.database), rows_of(migrated.site.database)
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows, table


def test_status_shows_of_every_night_what_it_showed_then(migrated: PastSite):
    now = {(one["date"], one["kind"]): one for one in shown_now(migrated.site, "status")}
    then = {(one["date"], one["kind"]): one for one in migrated.shown["status"]}
    assert now.keys() == then.keys()
    for night, shown in then.items():
        assert still_shows(now[night], without_words(shown)), (night, now[night])
        assert bool(now[night]["note"]) == bool(shown["note"]), night


def test_frameids_shows_what_it_showed_then(migrated: PastSite):
    now = shown_now(migrated.site, "frameids")
    # Of the night that was restored and not processed again; 0.1.0 did not list them.
    assert {one["date"] for one in now["lost"]} == {"20250321"}
    assert now == {"lost": now["lost"]} | migrated.shown["frameids"]


def test_history_shows_what_it_showed_then(migrated: PastSite):
    now, then = histories_of(migrated.site), histories_then(migrated)
    base = str(migrated.site.base)
    assert json.dumps(now).replace(base, "") == json.dumps(then).replace(base, "")


def test_audit_shows_what_it_showed_then(migrated: PastSite):
    # Where its streams cannot be listed, a night's audit ended with an error.
    then = {night: shown for night, shown in migrated.shown["audit"].items() if shown is not None}
    # What 0.1.0 did not count yet: nothing was removed from its site, and every header counts.
    since = {"removed_frames": 0, "at_least": False}
    certain = {"at_least": False, "counted_by": "header"}
    for night, now in audits_of(migrated.site, then).items():
        rejected = [certain | bad for bad in then[night]["rejected"]]
        assert now.items() <= (since | then[night] | {"rejected": rejected}).items(), night


def test_every_note_has_its_code(migrated: PastSite):
    with connected(migrated.site) as connections:
        notes = {(r.note, r.note_code) for r in connections.store.nights() if r.note}
    assert all(code for _, code in notes), notes
    wanted = NOTED - NOT_NOTED.get(migrated.version, set())
    assert {WaitCode(code) for _, code in notes if code} >= wanted


def deaths(version: str, folder: Path, base: Path, stride: int) -> Iterator[Path]:
    """Databases whose migration was killed, each behind another statement of it or its commit."""
    kept = folder / "kept.db"
    extract_database(version, kept, base)
    done = run_script(MIGRATE_AND_DIE, kept, folder / "killed", str(stride))
    assert done.returncode == 0, done.stderr
    killed = [
        path for path in (folder / "killed").glob("*/vampd.db") if path.parent.name != "whole"
    ]
    assert killed or revision_of(kept) == REVISION
    for path in killed:
        assert dump_of(path) == dump_of(kept), f"killed behind statement {path.parent.name}"
        yield path


@pytest.mark.parametrize("stride", [40, pytest.param(1, marks=pytest.mark.soak)])
def test_a_migration_killed_anywhere_is_completed_by_the_next_start(
    version: str, migrated: PastSite, tmp_path: Path, stride: int
):
    whole = dump_of(migrated.site.database)
    for path in deaths(version, tmp_path, migrated.site.base, stride):
        migrate(path)
        assert dump_of(path) == whole, f"killed behind statement {path.parent.name}"


@pytest.mark.parametrize("access", Access)
def test_the_vampd_of_then_refuses_the_schema_of_now(
    as_kept: PastSite, migrated: PastSite, monkeypatch: pytest.MonkeyPatch, access: Access
):
    then = revision_of(as_kept.site.database)
    before = dump_of(migrated.site.database)
    monkeypatch.setattr(opening_module, "REVISION", then)
    refused: AbstractContextManager[Any] = (
        pytest.raises(StoreError, match="newer") if then < REVISION else nullcontext()
    )
    with refused:
        open_store(url_of(migrated.site.database), access).close()
    assert dump_of(migrated.site.database) == before


def test_a_daemon_of_today_takes_the_open_nights_to_their_ends(continued: Continued):
    still_open = {
        (night.date, str(night.kind), shown["stage"], shown["status"])
        for night, shown in continued.status.items()
        if shown["status"] != "done" and night not in continued.left
    }
    left = {(night.date, str(night.kind)) for night in continued.left}
    assert still_open == {one for one in continued.before.stay_open if one[:2] not in left}
    assert len(continued.before.nights) > len(continued.left) + len(still_open)


def test_what_it_finished_is_safe_and_accounted_for_and_leaves_nothing_behind(continued: Continued):
    damaged = {NightId("20250113", Kind.ENGINEERING)} & continued.before.nights.keys()
    done = {n: shown for n, shown in continued.status.items() if shown["status"] == "done"}
    audits = audits_of(continued.site, [named(night) for night in done])
    for night, shown in done.items():
        assert shown["safe_at"], night
        assert audits[named(night)]["balanced"] is (night not in damaged), night
        left = [path.name for path in continued.site.folder(night).glob("vgen2/*")]
        assert not [n for n in left if n.startswith(".") or n.endswith(".framelist")], night


def test_what_sync_made_of_a_night_that_was_done_is_known_again(continued: Continued):
    done = [n for n, then in continued.before.nights.items() if then["status"] == "done"]
    audits = audits_of(continued.site, [named(night) for night in done])
    known = {night: continued.status[night]["quality"] for night in done}
    assert sum(quality is not None for quality in known.values()) > len(done) / 2
    for night, quality in known.items():
        if quality is not None:
            assert quality["aside"] == audits[named(night)]["rejected_frames"], night
    for night in (night for night in done if audits[named(night)]["balanced"]):
        if (flow := continued.status[night]["frame_flow"]) is not None:
            audit = audits[named(night)]
            assert flow["balanced"], night
            told = (flow["raw"], flow["in_products"], flow["set_aside"])
            counted = ("raw_frames", "product_frames", "rejected_frames")
            assert told == tuple(audit[name] for name in counted), night


def test_nights_that_were_done_or_held_are_as_they_were(continued: Continued):
    before, histories = continued.before, histories_of(continued.site)
    shown_then = histories_then(before)
    for night, then in before.nights.items():
        # Nights of the old tools were held as errors, and are legacy now.
        if then["status"] in ("done", "held") and then["code"] != "old_tools":
            assert still_shows(continued.status[night], without_words(then)), night
            now, shown = json.dumps(histories[named(night)]), json.dumps(shown_then[named(night)])
            assert now.replace(str(continued.site.base), str(before.site.base)) == shown, night
            for folder in (Site.folder, Site.copy):
                was = files_of(folder(before.site, night))
                assert files_of(folder(continued.site, night)) == was, night


def test_no_product_and_no_raw_file_of_any_night_changes(continued: Continued):
    before = products_of(continued.before.site)
    assert before
    assert before.items() <= products_of(continued.site).items()
    assert raw_files_of(continued.site) == raw_files_of(continued.before.site)


def test_a_frame_id_stays_with_its_product(continued: Continued):
    then = continued.before.shown["frameids"]
    now = shown_now(continued.site, "frameids")
    bound = {one["frame_id"]: one["identity"] for one in now["ids"]}
    for one in then["ids"]:
        if one["identity"] is not None:
            assert bound[one["frame_id"]] == one["identity"]
    assert now["findings"] == then["findings"] == []
    unused = [one["frame_id"] for one in then["unused"]]
    assert set(unused) <= bound.keys()
    ledger = continued.before.site.ledger.read_bytes()
    assert continued.site.ledger.read_bytes().startswith(ledger)
