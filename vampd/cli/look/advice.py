"""What a person can do about a night, by its state and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vampd.cli.look.night_notes import sum_up_mail
from vampd.cli.shared.nights import named
from vampd.errors import ARCHIVE_UNKNOWN
from vampd.model.delivery import REMADE_UNMAILED, MailState
from vampd.model.nights import StageName, Status, Wait, WaitCode, cure_of

if TYPE_CHECKING:
    from vampd.model.delivery import Correspondence
    from vampd.model.nights import NightRecord, Ready

_SEE = ("plan", "shows what remains to be done, without doing it")
_HOLD = ("hold", "keeps it from starting by itself")
_RETRY = ("retry", "retries now, once the cause of the error is fixed")
# These are about all nights.
_WITHOUT_NIGHT = frozenset({"archive", "doctor", "frameids", "rebuild-ledger", "root"})
_LEDGER = (
    ("frameids", "shows where ledger, file names, headers and name_changes.txt differ"),
    ("rebuild-ledger", "if the ledger is lost or damaged: rebuilds it, asking first"),
    ("retry", "retries, once they agree"),
)
_MENDED = (("retry --from sync", "decides again, once the line of corrections.tsv is mended"),)
_AUDIT = ("audit", "recounts its frames")
_RECOVER = (
    ("recover", "gets it back from the archive copy, or makes it again from raw"),
    ("retry", "continues, once all is whole again"),
)
_ARCHIVE = (
    ("doctor", "shows what lies at the destination"),
    ("retry", "retries now, once the disk of the archive is mounted"),
    ("archive accept", "if that is the archive: shows what is there, and takes it, asking first"),
)
_ARCHIVE_BACK = ("retry", "retries now, once transfer.*.destination names the place on record")
# What the settings name, where that is another place than the one on record.
_ARCHIVE_MOVED = re.compile(r"`vampctl archive moved \S+ (--to [^`]+)`")
_BY_CODE: dict[str, tuple[tuple[str, str], ...]] = {
    "frame_id_conflict": _LEDGER,
    "frame_ids_disagree": _LEDGER,
    "ledger_conflict": _LEDGER,
    "ledger_damaged": _LEDGER,
    "grant_refused": (
        ("frameids", "lists the IDs that came and are unused, and why"),
        ("retry", "asks again, once the operators of the authority have explained it"),
    ),
    "sync_unexpected": (
        ("summary", "shows what sync made of it"),
        ("release", "lets it take frame IDs as it is"),
    ),
    "night_gone": (
        ("verify", "looks for it again, at its destination and where it may have been moved"),
        ("retry", "looks for it again too, and goes on if it is back"),
        ("release", "sends all of it again"),
    ),
    "set_aside_changed": (
        ("retry", "reads it again, once what was sent before is back in its place"),
        ("release", "sends what is here now over its copy at the archive"),
    ),
    "other_products": (
        ("verify", "reads the archive copy, and names what it has of its own"),
        ("retry", "goes on, once what is newer is back here, or moved aside there"),
        ("release", "sends what is here over them, if STARS was told of none of those there"),
    ),
    "raw_changed": (
        ("retry", "compares it again, once what sync had used is back in its place"),
        ("release", "keeps the products as they are, and the raw file as it is"),
    ),
    "corrections_changed": (
        ("retry --from sync", "decides again with the corrections that are there"),
        ("retry", "goes on, once corrections.tsv is what sync decided with"),
        ("restore", "if products are packed: back to raw, after showing what was sent and asking"),
    ),
    "corrections_malformed": _MENDED,
    "correction_disagrees": _MENDED,
    "night_moved": (
        ("transfer --print", "shows the command that sends what is missing to where it lies"),
        ("retry", "reads it again there, once that is done"),
    ),
    "late_partners": (
        ("release", "keeps the late frames and their partners apart, in products of their own"),
        ("restore", "to pair them: shows what was mailed, and asks; `retry` then makes them again"),
        ("summary", "shows what sync made of it"),
    ),
    "card_missing": (
        ("release", "lets it proceed without these cards"),
        ("retry", "retries, after headers.required or headers.when_missing was changed"),
    ),
    "product_damaged": _RECOVER,
    "product_missing": _RECOVER,
    "product_lost": (
        ("release", "goes on without it, for good, as the message says"),
        ("retry", "reads it again, once a good copy is in its place"),
    ),
    "generation_damaged": _RECOVER,
    "receipts_disagree": (
        ("verify", "shows whether the archive copy is what the database says"),
        ("retry", "if it is: continues, once receipts.tsv is out of the folder"),
        (
            "restore",
            "if it is not, and the folder is right: begins from raw, after asking; where"
            " raw is gone, a newer copy of the database serves, or none, as the message says",
        ),
    ),
    "raw_removed": (
        ("verify", "shows what is missing or damaged on the archive host"),
        ("retry", "reads it again there, once it was brought back"),
        ("release", "goes on without it, for good: vbad/reasons.tsv says that it was lost"),
    ),
    "manifest_unsafe": (("retry --from transfer", "resends and rereads what is not proven"),),
    "mail_uncertain": (
        ("mail --mark-sent", "if it has arrived: records that"),
        ("mail --send --yes", "if it has not: sends it again"),
        ("retry", "resumes, after one of these"),
    ),
    "manifest_stale": (
        ("manifest", "shows which manifests it has, and whether they were mailed"),
        ("retry", "writes a new one, once the old one is out of the folder"),
    ),
    "old_tools": (
        ("restore", "brings the folder back to raw, after showing what is removed and asking"),
        ("retry", "lets vampd process it, once it is restored"),
        ("adopt", "if they processed it: leaves it as it is, with what they did on record"),
    ),
    "restore_unfinished": (("restore", "resumes it, after showing what is left and asking"),),
    "restored": (("retry", "lets vampd process it from raw"),),
    "held_by_person": (("release", "lets it go on"),),
    "bug": (
        ("log", "shows the records around it: report them with the error above"),
        ("retry", "retries"),
    ),
}
# What a night waits for before it runs; a settled one with new raw files is judged as filling.
_BY_WAIT: dict[WaitCode | None, tuple[tuple[str, str], ...]] = {
    WaitCode.ROOT_UNKNOWN: (
        ("doctor", "checks the root again, once its disk is mounted"),
        ("root accept", "if that is the root: shows what is there, and takes it, asking first"),
    ),
    WaitCode.IGNORED: (
        ("plan", "shows what would be done if watch.ignore_before did not exclude it"),
    ),
    WaitCode.OLD_TOOLS: (
        ("restore", "brings the folder back to raw, after showing what is removed and asking"),
    ),
    WaitCode.LEGACY: (
        ("adopt --dry-run", "shows what the old tools left of it, and where their records differ"),
        ("adopt", "puts that on record, with every frame ID that others used"),
        (
            "adopt --continue --dry-run",
            "shows whether it is complete, so that it can be packed, sent and listed from there",
        ),
    ),
    WaitCode.BEFORE_HOUR: (_HOLD,),
    WaitCode.STILL_WRITTEN: (_HOLD,),
    WaitCode.INCOMPLETE_CUBES: (
        ("run --as-it-is", "if no more will come: runs it now, setting these cubes aside"),
        _HOLD,
    ),
    WaitCode.NO_AUTHORITY: (
        ("doctor", "checks the authority, once frameids.authority names one"),
        _SEE,
    ),
    WaitCode.OLDER_NIGHT: (
        ("release", "lets it pass the older nights on its way to frame IDs"),
        _SEE,
    ),
}


def advise(
    record: NightRecord,
    judged: Ready | Wait,
    records: Sequence[NightRecord],
    correspondence: Correspondence,
) -> Iterator[dict[str, str]]:
    """Commands, each with what it does; the first is the likeliest one.

    ``judged`` is what the rule of readiness says now. ``records`` are all nights: where the date
    has both kinds, the commands name the kind. What STARS has acknowledged is mailed no more.
    """
    night = record.night
    mail = sum_up_mail(record, correspondence)
    waits_for = judged.code if isinstance(judged, Wait) else None
    for verb, what in _choose(record, waits_for, mail):
        command, _, option = verb.partition(" ")
        # These are about archive nights alone, so they know no --kind.
        of_night = night.date if command in ("mail", "manifest") else named(night, records)
        named_night = "" if command in _WITHOUT_NIGHT else of_night
        # The one command that is about all nights of a kind.
        kind = str(night.kind) if command == "archive" else ""
        deed, _, more = option.partition(" ") if kind else (option, "", "")
        words = ["vampctl", command, named_night, deed, kind, more]
        yield {"command": " ".join(word for word in words if word), "what": what}


def _choose(
    record: NightRecord, waits_for: WaitCode | None, mail: str
) -> tuple[tuple[str, str], ...]:
    match record.state.status:
        case Status.RUNNING:
            return (("log", "shows what it is doing"), ("hold", "stops it"))
        case Status.DONE if record.note_code == WaitCode.DAMAGED_HERE:
            audit = ("audit", "shows what is damaged or missing here")
            cure = cure_of(record.note or "")
            if cure is None:
                return (audit,)
            verb, what = _RECOVER[0]
            return ((verb, what) if cure == verb else (cure, "mends what the note names"), audit)
        case Status.DONE if record.safe_at is None:
            return (("retry --from transfer", "resends what is bad on the archive host"),)
        case Status.DONE if mail == REMADE_UNMAILED:
            return (
                ("mail", "shows the mail that tells STARS of the new manifest; --send sends it"),
                ("manifest", "lists the frame IDs that were announced with other bytes"),
            )
        case Status.DONE if record.purge_after is not None:
            return (
                ("purge --dry-run", "shows which raw cubes go, and what is against it"),
                ("hold", "takes the mark for deletion away"),
            )
        case Status.DONE if (
            record.state.stage is StageName.MANIFEST and mail != MailState.ACKNOWLEDGED
        ):
            return (("mail", "shows the mail that announces it to STARS; --send sends it"),)
        case Status.DONE:
            return (_AUDIT,)
        case _ if waits_for in _BY_WAIT:
            return _BY_WAIT[waits_for]
        case Status.HELD:
            return _BY_CODE.get(record.code or "", (_RETRY, _SEE))
        case Status.FILLING:
            return (_HOLD,)
        case Status.LEGACY:
            return _BY_WAIT[WaitCode.LEGACY]
        case Status.READY:
            return (_SEE, ("hold", "keeps it from starting"))
        case Status.WAITING if record.code == ARCHIVE_UNKNOWN:
            moved = _ARCHIVE_MOVED.search(record.error or "")
            if moved is None:
                return _ARCHIVE
            what = "if it was moved there: reads each night again at the new place, asking first"
            return (_ARCHIVE[0], (f"archive moved {moved[1]}", what), _ARCHIVE_BACK)
        case Status.WAITING if record.refused:
            return (
                ("retry", "retries now, once they can be read"),
                ("release", f"goes on without {_cubes(len(record.refused))}, which it sets aside"),
                _SEE,
            )
        case Status.WAITING:
            return (("retry", "retries now"), _SEE, ("hold", "keeps it from retrying"))


def _cubes(number: int) -> str:
    return "the cube" if number == 1 else f"the {number:,} cubes"
