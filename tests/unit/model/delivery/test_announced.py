"""What the outside was told of a night, before anybody takes it back."""

from dataclasses import replace

from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    ManifestFile,
    ManifestText,
    Way,
    announced_manifests,
    append_note,
    find_replaced,
)
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import PackingReceipt, RecordedReceipt

NIGHT = NightId("20251106", Kind.ARCHIVE)
FIRST = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64)
SENT = Mailing(
    "<1@x>", (FIRST,), ("a@b", "c@d"), Way.SMTP, "x", 0.0, MailOutcome.SENT, 1762480800.0
)
ACKNOWLEDGED = Acknowledgement(FIRST, "kaptah (vampctl)", 1762567200.0)


def shown(*mailings: Mailing, note: str | None = None, **more: object) -> list[str]:
    correspondence = Correspondence(mailings, **more)  # type: ignore[arg-type]
    return [str(one) for one in announced_manifests(correspondence, NIGHT, note)]


def test_a_mailed_manifest_is_reported_with_its_date_and_its_number_of_recipients() -> None:
    assert shown(SENT) == ["manifest_VMP_20251106.csv: mailed 2025-11-07 02:00 UT to 2 recipients"]


def test_an_acknowledged_one_with_who_recorded_it() -> None:
    (line,) = shown(SENT, acknowledged=(ACKNOWLEDGED,))
    assert line.endswith("to 2 recipients, acknowledged 2025-11-08 02:00 UT by kaptah (vampctl)")
    assert shown(acknowledged=(ACKNOWLEDGED,)) == [
        "manifest_VMP_20251106.csv: acknowledged 2025-11-08 02:00 UT by kaptah (vampctl)"
    ]


def test_a_mail_that_certainly_failed_announced_nothing_and_one_in_doubt_may_have() -> None:
    assert shown(replace(SENT, outcome=MailOutcome.FAILED)) == []
    doubtful = replace(SENT, outcome=MailOutcome.PENDING, concluded_at=None, at=1762480800.0)
    assert shown(doubtful) == [
        "manifest_VMP_20251106.csv: may have been mailed 2025-11-07 02:00 UT to 2 recipients"
    ]


def test_what_was_sent_outweighs_a_later_mail_in_doubt() -> None:
    doubtful = replace(SENT, message_id="<2@x>", recipients=(), outcome=MailOutcome.UNCERTAIN)
    assert shown(SENT, doubtful) == shown(SENT)


def test_the_note_in_the_folder_reports_mails_whose_record_is_lost() -> None:
    note = append_note(None, replace(SENT, at=1762480800.0), NIGHT)
    assert shown(note=note) == [
        "manifest_VMP_20251106.csv: may have been mailed 2025-11-07 02:00 UT"
    ]
    assert shown(SENT, note=note) == shown(SENT)


def test_other_nights_are_not_reported() -> None:
    other = replace(FIRST, night=NightId("20251107", Kind.ARCHIVE))
    assert shown(replace(SENT, manifests=(other,))) == []


def recorded(number: int, sha256: str, at: float, ended_at: float | None) -> RecordedReceipt:
    receipt = PackingReceipt(f"vgen2/VMPA{number:08}.fits.fz", 9, sha256, f"p{number}")
    return RecordedReceipt(receipt, at, ended_at, None if ended_at is None else "alice")


def test_what_was_announced_before_with_other_bytes_is_known_by_the_receipts_that_ended() -> None:
    told = 1762480800.0
    history = (
        recorded(1, "a" * 64, told - 9, told + 5),
        recorded(2, "b" * 64, told - 9, told + 5),
        recorded(3, "c" * 64, told + 1, told + 5),
        recorded(4, "d" * 64, told - 9, told + 5),
        recorded(1, "e" * 64, told + 9, None),
        recorded(2, "b" * 64, told + 9, None),
        recorded(3, "f" * 64, told + 9, None),
        recorded(4, "9" * 64, told + 9, None),
    )
    text = "".join(f"VMPA{n:08}|/a/VMPA{n:08}.fits.fz|9\r\n" for n in (1, 2, 3))
    remade = ManifestText(replace(FIRST, sha256="d" * 64), text)

    def replaced(*mailings: Mailing, manifest: ManifestText = remade) -> list[str]:
        told_of = Correspondence(mailings)
        return [str(one) for one in find_replaced([manifest], told_of, None, history)]

    # Of the others one has the same bytes, one was not there yet, and one is not listed.
    assert replaced(SENT) == ["VMPA00000001"]
    assert replaced() == []
    assert replaced(replace(SENT, outcome=MailOutcome.FAILED)) == []
    assert replaced(SENT, manifest=replace(remade, file=FIRST)) == []
