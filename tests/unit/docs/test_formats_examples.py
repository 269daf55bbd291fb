"""The examples in docs/formats.md are what vampd reads and writes, to the byte."""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest

import docs
from vampd.ledger.records import Applied, Bound, Granted, Requested, format_line, parse_line
from vampd.model.cubes import (
    CARD_LENGTH,
    Card,
    Cards,
    Framelist,
    Generation,
    format_framelist,
    format_generation,
    format_reasons,
    format_sidecar,
    identity_of,
    parse_framelist,
    parse_generation,
    parse_reasons,
    stamp_frame_id,
)
from vampd.model.delivery import (
    ManifestFile,
    Style,
    format_manifest,
    noted_mailings,
    parse_manifest,
    product_path,
)
from vampd.model.frame_ids import FrameId, format_name_changes, parse_name_changes
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import format_receipts, format_sums, parse_receipts, parse_sums, text_digest

DOCUMENT = (Path(next(iter(docs.__path__))) / "formats.md").read_text()
NIGHT = NightId("20251106", Kind.ARCHIVE)


def examples(heading: str, language: str = "text") -> list[str]:
    """The fenced blocks of a chapter, in order, each with its last line end."""
    chapter = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)


def framelist_text() -> str:
    """The framelist with the blanks behind its cards, which the document does not show."""
    before, count, rest = re.split(r"(?<=\ncards )(\d+)\n", examples("Framelist")[0])
    lines = rest.split("\n")
    cards = [line.ljust(CARD_LENGTH) for line in lines[: int(count)]]
    return "\n".join([f"{before}{count}", *cards, *lines[int(count) :]])


def framelist() -> Framelist:
    return parse_framelist(framelist_text())


def generation() -> Generation:
    body = json.loads(examples("Generation", "json")[0])
    line = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return parse_generation(f"{line}\n{examples('Generation')[0]}")


def sums() -> dict[str, str]:
    return parse_sums(examples("SHA256SUMS")[0])


def manifest_text() -> str:
    return examples("Manifest")[0].replace("\n", "\r\n")


def test_the_times_are_read_as_the_document_says():
    line = framelist_text().split("\n")[-3]
    known: dict[str, Any] = {
        "numpy": numpy,
        "zlib": zlib,
        "base64": base64,
        "line": line,
        "frames": 4,
    }
    exec(examples("Framelist", "python")[0], known)
    rows = [row.split() for row in framelist().rows.splitlines()]
    assert known["columns"].T.tolist() == [
        [int(number.replace(".", "")) for number in row] for row in rows
    ]


def test_the_framelist_is_one():
    assert format_framelist(framelist()) == framelist_text()


def test_the_identity_is_the_digest_that_the_document_describes():
    described = b"0 4 1 vcam1/vcam1_10:20:00.509419918.fits\n"
    assert framelist().identity == hashlib.sha256(described).hexdigest()
    assert framelist().identity == identity_of(framelist().ranges)


def test_the_generation_is_the_one_that_travels():
    traveling = sums()["vgen2/generation_0001.json"]
    assert text_digest(format_generation(generation())) == traveling


def test_the_framelist_is_of_a_product_of_the_generation():
    product = next(p for p in generation().products if p.identity == framelist().identity)
    assert framelist().ranges == product.ranges
    assert framelist().order == product.order


def test_the_sidecar_is_the_framelists_and_travels():
    sidecar = examples("Sidecar")[0]
    assert sidecar == format_sidecar(framelist())
    assert text_digest(sidecar) == sums()["vgen2/VMPA90012345.txt"]


def test_the_packed_header_holds_the_framelists_cards():
    shown = [line.ljust(CARD_LENGTH) for line in examples("Packed product")[0].splitlines()]
    packed = Cards(tuple(shown[: shown.index("END".ljust(CARD_LENGTH))]))
    for card in framelist().cards:
        inside = re.sub(r"^(SIMPLE|BITPIX|NAXIS\d?)\b", r"Z\1", card.keyword)
        assert f"{inside:<8}{card.text[8:]}" in packed.texts
    assert packed.integer("NAXIS2") == framelist().frames


def test_the_cards_that_frameids_sets_are_those_of_the_stamp():
    stamped = stamp_frame_id(framelist(), FrameId.parse(framelist().name))
    assert stamped == framelist()


def test_the_reasons_are_those_of_the_generation_and_travel():
    text = examples("reasons.tsv")[0]
    assert parse_reasons(text)
    assert text == format_reasons(generation().set_aside)
    assert text_digest(text) == sums()["vbad/reasons.tsv"]


def test_every_code_that_sets_a_cube_aside_is_explained():
    source = Path(__file__).parents[3] / "vampd"
    files = ["fits/headers/header.py", "fits/raw/rawcube.py", "model/cubes/timing.py"]
    texts = [(source / file).read_text() for file in files]
    codes = {c for text in texts for c in re.findall(r"MalformedCube\(\s*f?\"([^\"]+)\"", text)}
    codes -= {"fits_{kind}", "not_int16"}  # two that the document names, one of `vampctl pack`
    chapter = DOCUMENT.split("\n## reasons.tsv\n")[1].split("\n## ")[0]
    assert codes
    assert {code for code in codes if f"`{code}`" not in chapter} == set()


def test_the_sums_are_written_as_they_are_read():
    assert format_sums(sums()) == examples("SHA256SUMS")[0]


def test_the_receipts_are_those_of_what_travels():
    text = examples("receipts.tsv")[0]
    receipts = parse_receipts(text)
    assert format_receipts(receipts.values()) == text
    own = {path: digest for path, digest in sums().items() if path.startswith("vgen2/")}
    assert {path: receipt.sha256 for path, receipt in receipts.items()} == own
    sidecar = receipts["vgen2/VMPA90012345.txt"]
    assert sidecar.size == len(format_sidecar(framelist()))
    generation_file = receipts["vgen2/generation_0001.json"]
    assert generation_file.size == len(format_generation(generation()))
    identities = [receipt.identity for receipt in receipts.values() if receipt.identity]
    assert identities == [product.identity for product in generation().products]


def test_the_name_changes_are_written_as_they_are_read():
    text = examples("name_changes.txt")[0]
    assert format_name_changes(parse_name_changes(text)) == text


def test_the_ledger_binds_the_ids_to_the_products_in_their_order():
    lines = examples("Frame-ID ledger")[0].encode().splitlines(keepends=True)
    records = [parse_line(line.removesuffix(b"\n")) for line in lines]
    assert [format_line(record) for record in records] == lines
    assert [type(r) for r in records] == [Requested, *[Granted] * 2, *[Bound] * 2, *[Applied] * 2]
    bound = [record for record in records if isinstance(record, Bound)]
    assert [one.identity for one in bound] == [p.identity for p in generation().products]


def test_the_request_keeps_the_digest_that_the_document_describes():
    first = parse_line(examples("Frame-ID ledger")[0].encode().split(b"\n")[0])
    assert isinstance(first, Requested)
    identities = "\n".join(product.identity for product in generation().products)
    assert first.digest == hashlib.sha256(identities.encode()).hexdigest()


@pytest.mark.parametrize(("number", "style"), [(0, Style.PLAIN), (1, Style.MKBULK)])
def test_the_manifests_are_written_as_they_are_read(number: int, style: Style):
    text = examples("Manifest")[number].replace("\n", "\r\n")
    manifest = parse_manifest(text)
    assert manifest.form.style is style
    assert format_manifest(manifest) == text


def test_a_manifests_digest_is_that_of_the_product():
    (line,) = parse_manifest(examples("Manifest")[1]).lines
    assert line.sha256 == sums()["vgen2/VMPA90012345.fits.fz"]


def test_the_digests_of_a_manifest_are_those_of_the_products_that_it_lists():
    digests = parse_sums(examples("Digests of a manifest")[0])
    assert digests.items() <= sums().items()
    listed = {line.frame_id for line in parse_manifest(manifest_text()).lines}
    assert list(digests) == [product_path(frame_id) for frame_id in sorted(listed)]


def test_the_mail_note_is_about_the_manifest():
    note = examples("Mail note")[0]
    file = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", text_digest(manifest_text()))
    assert len(noted_mailings(note, file)) == 1


def test_no_card_of_the_examples_is_longer_than_a_card():
    assert all(Card(text) for text in framelist().cards.texts)
