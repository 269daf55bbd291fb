from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import ConfigError, DataError
from vampd.model.delivery import (
    DEFAULT_TEMPLATE,
    LineEnd,
    MailText,
    Manifest,
    ManifestFile,
    ManifestForm,
    ManifestLine,
    ManifestText,
    check_template,
    compose_mail,
    format_manifest,
    manifest_name,
    parse_manifest,
    write_mail_text,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import text_bytes, text_digest

IP = "192.0.2.6"


def manifest(date: str, *numbers: int, supplement: int = 0, path: str = "/a") -> ManifestText:
    lines = tuple(ManifestLine(FrameId(n), f"{path}/{n}", 1_500_000_000) for n in numbers)
    text = format_manifest(Manifest(ManifestForm(), lines))
    night = NightId(date, Kind.ARCHIVE)
    name = manifest_name(date, supplement)
    return ManifestText(ManifestFile(night, name, text_digest(text)), text)


def parsed(mail_text: MailText, at: float = 1_762_480_313.9) -> EmailMessage:
    mail = compose_mail(mail_text, "vampires@example.org", ("a@x.org", "b@x.org"), "<1@x.org>", at)
    text = mail.as_bytes()
    assert all(byte < 128 for byte in text), "not every mail server takes eight bits"
    assert b"\n" not in text.replace(b"\r\n", b"")
    read = message_from_bytes(text, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def body_of(mail: EmailMessage) -> str:
    body = mail.get_body()
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


def attachment(mail: EmailMessage) -> tuple[str | None, bytes]:
    (part,) = mail.iter_attachments()
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return part.get_filename(), content


@pytest.mark.parametrize("template", [DEFAULT_TEMPLATE, "Subject: s\n\nHello\n"])
def test_the_mail_names_what_was_announced_before_with_other_bytes(template: str):
    sent = (manifest("20251106", 1, 2, 3, 5),)
    replaced = frozenset(map(FrameId, (1, 2, 3, 7)))
    body = body_of(parsed(write_mail_text(template, sent, IP, replaced)))
    assert "announced before" in body
    assert "\nVMPA00000001 to VMPA00000003\n" in body
    assert "VMPA00000007" not in body, "it is in no manifest of this mail"
    assert "announced before" not in body_of(parsed(write_mail_text(template, sent, IP)))


def test_the_mail_shows_dates_files_size_and_address():
    mail_text = write_mail_text(
        DEFAULT_TEMPLATE, (manifest("20251107", 3), manifest("20251106", 1, 2)), IP
    )
    mail = parsed(mail_text)
    assert mail["Subject"] == "VMP manifest 2025-11-06, 2025-11-07"
    assert (mail["From"], mail["To"]) == ("vampires@example.org", "a@x.org, b@x.org")
    assert mail["Message-ID"] == "<1@x.org>"
    assert mail["Date"] == "Fri, 07 Nov 2025 01:51:53 +0000"
    text = body_of(mail)
    for shown in ("2025-11-06, 2025-11-07", "3\n", "4.50 GB (4500000000 bytes)", IP):
        assert shown in text
    assert "$" not in text


def test_one_combined_manifest_is_attached():
    mail_text = write_mail_text(
        DEFAULT_TEMPLATE, (manifest("20251107", 3), manifest("20251106", 1, 2)), IP
    )
    name, content = attachment(parsed(mail_text))
    assert name == "manifest_VMP_20251106_20251107_combined.csv"
    assert [line.frame_id.number for line in parse_manifest(content.decode()).lines] == [1, 2, 3]
    assert content.count(b"\r\n") == 3


def test_a_single_manifest_travels_as_it_lies_in_its_folder():
    # Neither sorted nor ended as ours: whoever wrote it.
    text = "VMPA00000002|/b|1\nVMPA00000001|/a|1\n"
    night = NightId("20251106", Kind.ARCHIVE)
    one = ManifestText(ManifestFile(night, "manifest_VMP_20251106.csv", "x"), text)
    name, content = attachment(parsed(write_mail_text(DEFAULT_TEMPLATE, (one,), IP)))
    assert (name, content) == ("manifest_VMP_20251106.csv", text.encode())


def test_supplements_of_one_night_are_combined_under_its_date():
    texts = (manifest("20251106", 1), manifest("20251106", 2, supplement=1))
    assert (
        write_mail_text(DEFAULT_TEMPLATE, texts, IP).attachment_name
        == "manifest_VMP_20251106_combined.csv"
    )


def test_a_frame_in_two_manifests_is_not_mailed():
    with pytest.raises(DataError, match="VMPA00000001"):
        write_mail_text(DEFAULT_TEMPLATE, (manifest("20251106", 1), manifest("20251107", 1)), IP)


@given(st.text("aé/ \udcff", max_size=300), st.sampled_from(LineEnd))
def test_any_path_travels_byte_for_byte(path, line_end):
    line = ManifestLine(FrameId(1), f"/{path}", 1)
    text = format_manifest(Manifest(ManifestForm(line_end=line_end), (line,)))
    night = NightId("20251106", Kind.ARCHIVE)
    one = ManifestText(ManifestFile(night, "manifest_VMP_20251106.csv", "x"), text)
    assert attachment(parsed(write_mail_text(DEFAULT_TEMPLATE, (one,), IP)))[1] == text_bytes(text)


def test_a_template_of_ones_own_may_say_it_in_other_words():
    template = "Subject: new: $manifest\n\nCost: 3 $$, Größe ${size}, $ip\n"
    mail = parsed(write_mail_text(template, (manifest("20251106", 1),), IP))
    assert mail["Subject"] == "new: manifest_VMP_20251106.csv"
    assert body_of(mail) == f"Cost: 3 $, Größe 1.50 GB, {IP}\n"


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("", "Subject"),
        ("Subject:\n\nbody", "Subject"),
        ("Dear all\n\nbody", "Subject"),
        ("Subject: x\nbody", "empty line"),
        ("Subject: x\n\n$nights\n", r"\$nights is not a word"),
        ("Subject: $password\n\nbody\n", r"\$password is not a word"),
        ("Subject: x\n\n5 $ each\n", r"written '\$\$'"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(template, shown):
    with pytest.raises(ConfigError, match=shown) as caught:
        check_template(template)
    assert caught.value.code == "mail_template"


def test_the_built_in_template_is_a_good_one():
    check_template(DEFAULT_TEMPLATE)


def test_a_draft_may_lack_who_writes_and_to_whom():
    mail_text = write_mail_text(DEFAULT_TEMPLATE, (manifest("20251106", 1),), IP)
    mail = compose_mail(mail_text, "", (), "<1@x>", 0.0)
    assert mail["From"] is None
    assert mail["To"] is None
