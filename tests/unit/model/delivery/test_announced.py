"""What the outside was told of a night, before anybody takes it back."""

from dataclasses import replace

from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    ManifestFile,
    Way,
    announced_manifests,
    append_note,
)
from vampd.model.nights import Kind, NightId

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
