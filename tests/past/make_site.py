# mypy: ignore-errors
"""Makes the site of a release, before anything is changed after it.

    .venv/bin/python tests/past/make_site.py EMPTY_FOLDER tests/past/VERSION/site.tar.xz

Nights are walked to where they shall stand by this version's own vampctl and vampd; failpoints let
these die, and a gate holds six attempts where they have just made a temporary file, until all are
killed.
"""

import fcntl
import json
import lzma
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path

from vampd.model.nights import Kind, NightId
from vampd.simulate import Crop, Defect, Run, Scenario, Spoiled, plan_night, write_night

BASE, KEPT = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
BIN = Path(sys.executable).parent
ROOT, ARCHIVE = BASE / "fuuu", BASE / "archive"
DATABASE = BASE / "state" / "vampd.db"
CONFIG = BASE / "vampd.toml"
NOT_KEPT = {"vampd.log", "gate", "grant"}

CROP = Crop("CROP_16", (16, 16), 16)
TRIGGERS = 16
BOTH = Run(
    triggers=TRIGGERS,
    period_us=10_000,
    exptime_us=9_900,
    frames_per_cube=(TRIGGERS, TRIGGERS),
    flc_jitter_us=20,
)
ONE = Run(
    triggers=6,
    period_us=20_000,
    exptime_us=19_000,
    frames_per_cube=(6, 3),
    cameras=(2,),
    spoiled=(Spoiled(2, 1, Defect.TIMING_MISSING),),
)
PLAIN = Scenario("plain", CROP, (BOTH,))
WITH_BAD_CUBE = Scenario("with a bad cube", CROP, (BOTH, ONE))
LATE = Scenario("late", CROP, (replace(BOTH, hwp_angle_deg=45.0),), time_of_day(6))
NO_PARTNERS = Scenario(
    "no partners", CROP, (replace(BOTH, triggers=24, flc_jitter_us=None, skipped=(0, 16)),)
)
NO_FILTER = Scenario("no filter", CROP, (replace(BOTH, absent=("FILTER01",)),))


def configure(**changes):
    """Write the configuration; keys are named as in it, with ``__`` for the dots."""
    keys = {
        "watch.root": str(ROOT),
        "watch.quiet_after_s": 0.5,
        "watch.stale_after_s": 1,
        "watch.ignore_before": "20240601",
        "schedule.archive_not_before": "20:00",
        "schedule.nights_at_once": 12,
        "schedule.workers": 1,
        "schedule.headers_at_once": 1,
        "schedule.fpack_at_once": 1,
        "database.url": f"sqlite:///{DATABASE}",
        "retry.first_delay_s": 600,
        "frameids.authority": "local",
        "frameids.first": "VMPA90000001",
        "transfer.archive.destination": str(ARCHIVE / "2_ARCHIVED_DATA"),
        "transfer.engineering.destination": str(ARCHIVE),
        "mail.sender": "vampires@example.org",
        "mail.recipients": ["stars@example.org"],
        "mail.data_host_ip": "192.0.2.6",
        "mail.way": "sendmail",
        "mail.sendmail": "/bin/true",
    }
    keys |= {name.replace("__", "."): value for name, value in changes.items()}
    tables = {}
    for name, value in keys.items():
        table, _, key = name.rpartition(".")
        tables.setdefault(table, []).append(f"{key} = {json.dumps(value)}\n")
    CONFIG.write_text("\n".join(f"[{name}]\n{''.join(tables[name])}" for name in tables))


def start(program, *words, **environ):
    """Start a program in a session of its own: a failpoint kills a process group."""
    with (BASE / "vampd.log").open("ab") as log:
        return subprocess.Popen(
            [BIN / program, "--config", CONFIG, *words],
            env={**os.environ, "LOGNAME": "observer", **environ},
            start_new_session=True,
            stdout=log,
            stderr=log,
        )


def ctl(*words, ends=0, **environ):
    """A command that ends as it should."""
    status = start("vampctl", *words, **environ).wait(300)
    assert status == ends, (words, status)


def settle():
    """The daemon until nothing can advance."""
    assert start("vampd", "--log", "json", "--until-idle").wait(300) == 0


def told(*words):
    """What a command says for programs, findings or not; None if it cannot say anything."""
    command = [BIN / "vampctl", "--config", CONFIG, *words, "--json"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    return json.loads(done.stdout or "null")


def ask(question):
    """Rows of the database."""
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def stands(date, kind, stage, status, code=None):
    """Fail unless the night stands where it was to be brought."""
    where = f"date = '{date}' AND kind = '{kind}'"
    found = ask(f"SELECT stage, status, code FROM nights WHERE {where}")
    assert found == [(stage, status, code)], (date, kind, found)


def write(date, scenario=PLAIN, kind=Kind.ARCHIVE):
    """Raw files as old as the night, so that no camera seems to write."""
    night = NightId(date, kind)
    folder = write_night(plan_night(scenario, night, seed=1), ROOT)
    written = datetime.strptime(min(date, "20250901"), "%Y%m%d").replace(tzinfo=UTC).timestamp()
    late_s = 8 if scenario is LATE else 7
    for number, path in enumerate(sorted(folder.glob("vcam?/*"))):
        if path.stat().st_mtime > written + 86400:
            at_ns = int(written + late_s * 3600 + number) * 10**9 + 123_456_789 + number
            os.utime(path, ns=(at_ns, at_ns))
    return folder


def finish_nights():
    """Done nights: mailed in every way, with late data, with cubes set aside, held after all."""
    for date in ("20250102", "20250103", "20250104", "20250321"):
        write(date)
    write("20250101", WITH_BAD_CUBE)
    write("20250105", NO_PARTNERS)
    write("20250106")
    for date in ("07", "09", "10", "11", "12", "13", "14"):
        write(f"202501{date}", kind=Kind.ENGINEERING)
    write("20250108", WITH_BAD_CUBE, Kind.ENGINEERING)
    settle()
    stands("20250105", "archive", "frameids", "held", "sync_unexpected")
    ctl("release", "20250105")
    settle()
    ctl("mail", "20250101", "--send")
    ctl("acknowledge", "20250101")
    ctl("mail", "20250102", "--send", ends=-9, VAMPD_FAILPOINT="mailing.mail.sent")
    configure(mail__sendmail="/bin/false")
    ctl("mail", "20250103", "--send", ends=1)
    (BASE / "grant").write_text("#!/bin/sh\nexit 75\n")
    (BASE / "grant").chmod(0o755)
    configure(mail__sendmail=str(BASE / "grant"))
    ctl("mail", "20250103", "--send", ends=1)
    configure()
    ctl("mail", "20250104", "--mark-sent")
    write("20250101", LATE)
    (raw, *_) = (ROOT / "20250110").glob("vcam1/*.fits")
    os.utime(raw, ns=(raw.stat().st_atime_ns, raw.stat().st_mtime_ns + 1))
    settle()
    stands("20250101", "archive", "manifest", "done")
    stands("20250110", "engineering", "sync", "held", "raw_changed")


def lose_raw():
    """Done nights whose raw was purged, half purged or removed, or may go later; and damage."""
    ctl("mail", "20250106", "--send")
    ctl("acknowledge", "20250106")
    ctl("purge", "20250106", "--yes", "--same-disk", "20250106")
    half = {"VAMPD_FAILPOINT": "purge.file.removed#3"}
    ctl("purge", "20250111", "--yes", "--same-disk", "20250111", ends=-9, **half)
    for path in (ROOT / "20250112").glob("vcam?/*"):
        path.unlink()
    (product, *_) = sorted((ROOT / "20250113").rglob("*.fits.fz"))
    with product.open("r+b") as file:
        file.seek(3000)
        file.write(b"damaged")
    ctl("verify", "20250113", "--here", ends=1)
    ctl("purge", "20250114", "--after", "30")
    settle()


def hold_nights():
    """Nights that are held for every kind of reason; so late that only later ones wait for them."""
    write("20250325")
    configure(frameids__authority="none")
    settle()
    (BASE / "grant").write_text("#!/bin/sh\necho VMPA90000900\n")
    configure(
        frameids__authority="command",
        frameids__numbers="engineering",
        frameids__command=[str(BASE / "grant")],
    )
    write("20250322")
    ctl("run", "20250322", ends=1)
    stands("20250322", "archive", "frameids", "held", "grant_refused")
    configure(headers__when_missing="hold")
    write("20250324", NO_FILTER)
    ctl("run", "20250324", ends=1)
    configure()
    write("20250323", NO_PARTNERS)
    ctl("run", "20250323", "--until", "headers")
    ctl("release", "20250323")
    ctl("run", "20250323", ends=1)
    ctl("hold", "20250325", "--reason", "darks still to come")
    (write("20250320") / "vsync").mkdir()
    stands("20250323", "archive", "frameids", "held", "sync_unexpected")
    stands("20250324", "archive", "headers", "held", "card_missing")


def stop_nights_between():
    """Nights that are ready, waiting, held, half packed and half sent at every stage."""
    before = {"transfer": "fpack", "fpack": "frameids", "frameids": "headers", "headers": "sync"}
    before["manifest"] = "transfer"
    at = {
        "fpack": ("20250201", "20250202", "20250203", "20250204"),
        "transfer": ("20250205", "20250206", "20250207", "20250208"),
        "manifest": ("20250209", "20250210", "20250211", "20250212"),
        "frameids": ("20250213", "20250214", "20250215"),
        "headers": ("20250217", "20250218", "20250219"),
        "sync": ("20250222",),
    }
    archive = ("--kind", "archive")
    for stage, dates in at.items():
        for date in dates:
            write(date)
            if stage in before:
                ctl("run", date, *archive, "--until", before[stage])
    write("20250205", kind=Kind.ENGINEERING)
    write("20250206", kind=Kind.ENGINEERING)
    engineering = ("--kind", "engineering")
    ctl("run", "20250205", *engineering, "--until", "headers")
    ctl("run", "20250206", *engineering, "--until", "fpack")
    packing = {"VAMPD_FAILPOINT": "packed.proven#3"}
    for words in (("20250201",), ("20250204",), ("20250205", *engineering)):
        ctl("run", *words, "--only", "fpack", ends=-9, **packing)
    ctl("hold", "20250204")
    sending = {"VAMPD_FAILPOINT": "archive.send.group_sent"}
    for date in ("20250206", "20250208"):
        ctl("run", date, *archive, "--only", "transfer", ends=-9, **sending)
    ctl("hold", "20250208", *archive)
    ctl("hold", "20250212")
    ctl("release", "20250215")
    configure(disk__reserve_bytes=10**16)
    for date, stage in (
        ("20250203", "fpack"),
        ("20250207", "transfer"),
        ("20250211", "manifest"),
        ("20250215", "frameids"),
        ("20250222", "sync"),
    ):
        ctl("run", date, "--only", stage, ends=1)
        stands(date, "archive", stage, "waiting", "disk_low")
    # Edits of cards ask for no room: somebody else is at work on the night.
    with (DATABASE.parent / "locks" / "20250219-archive.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ctl("run", "20250219", "--only", "headers", ends=1)
    stands("20250219", "archive", "headers", "waiting", "locked")
    configure(transfer__engineering__destination=str(BASE / "unmounted" / "archive"))
    ctl("run", "20250206", *engineering, ends=1)
    configure()


def fill_nights():
    """Nights that fill, each for a reason of its own, and one that was restored."""
    ctl("restore", "20250321", "--yes")
    stands("20250321", "archive", "sync", "held", "restored")
    write("20250220")
    write("20250221")
    write("20250330")
    write("20240101")
    write("20991231")
    write("20250109", LATE, Kind.ENGINEERING)
    incomplete = write("20250402")
    for path in incomplete.glob("vcam?/*.txt"):
        lines, at_ns = path.read_text().splitlines(keepends=True), path.stat().st_mtime_ns
        path.write_text("".join(lines[:-3]))
        os.utime(path, ns=(at_ns, at_ns))
    (ROOT / "20250401" / "vcam1").mkdir(parents=True)
    (ROOT / "20250403").mkdir()
    (ROOT / "20250403" / "vcam1").symlink_to("vcam1")
    ctl("run", "20250330", "--until", "headers")
    configure(watch__stale_after_s=86400)


def die_at_work():
    """A daemon with an attempt at every stage, killed when each has made a temporary file."""
    gate = BASE / "gate"
    gate.touch()
    (written, *_) = (ROOT / "20250109").glob("vcam1/*.fits")
    with written.open("ab"), gate.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        daemon = start("vampd", VAMPD_FAILPOINT_GATE=f"atomic.temporary.made@{gate}")
        while gate.stat().st_size == 0 or len(gate.read_text().splitlines()) < 6:
            time.sleep(0.1)
        time.sleep(5)  # for the notes of those that wait
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    at_work = ask("SELECT stage FROM nights WHERE status = 'running' ORDER BY date")
    stages = ["fpack", "transfer", "manifest", "frameids", "headers", "sync"]
    assert [stage for (stage,) in at_work] == stages


def keep():
    """What this version says of all this, and the archive."""
    configure()
    nights = [(each["date"], each["kind"]) for each in told("status")]
    of_nights = {
        name: {f"{d} {k}": told(name, d, "--kind", k) for d, k in nights}
        for name in ("history", "audit")
    }
    (BASE / "told").mkdir()
    for name, said in {"status": told("status"), "frameids": told("frameids"), **of_nights}.items():
        (BASE / "told" / f"{name}.json").write_text(json.dumps(said, indent=1))
    for path in (CONFIG, *(BASE / "told").iterdir()):
        path.write_text(path.read_text().replace(str(BASE), "@SITE@"))
    place_in_database("@SITE@")
    with (
        lzma.open(KEPT, "wb", preset=9 | lzma.PRESET_EXTREME) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(BASE.rglob("*")):
            name = path.relative_to(BASE).as_posix()
            if name not in NOT_KEPT and not name.endswith(("-wal", "-shm")):
                add(archive, path, name)


def place_in_database(holder):
    """Destinations, the root and messages name the site's folder."""
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        triggers = ask("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, _ in triggers:  # history is append-only
            connection.execute(f'DROP TRIGGER "{name}"')
        columns = connection.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.type = 'table' AND (c.type LIKE '%CHAR%' OR c.type = 'TEXT')"
        ).fetchall()
        for table, column in columns:
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                f' WHERE instr("{column}", ?)',
                (str(BASE), holder, str(BASE)),
            )
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
        connection.execute("VACUUM")  # what was replaced is gone from the file too
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def add(archive, path, name):
    """One file, folder or link; of nobody in particular, and in the moment that it has here."""
    member = archive.gettarinfo(path, name)
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    # In full: tarfile's own is a float, which receipts would find to be another time.
    seconds, ns = divmod(path.lstat().st_mtime_ns, 10**9)
    member.pax_headers = {"mtime": f"{seconds}.{ns:09}"}
    with open(path if member.isreg() else os.devnull, "rb") as content:
        archive.addfile(member, content if member.isreg() else None)


for folder in (ROOT / "ARCHIVED_DATA", ARCHIVE / "2_ARCHIVED_DATA", DATABASE.parent):
    folder.mkdir(parents=True)
configure()
finish_nights()
lose_raw()
hold_nights()
stop_nights_between()
fill_nights()
die_at_work()
keep()
