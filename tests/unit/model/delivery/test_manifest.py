from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.delivery import (
    DigestColumn,
    LineEnd,
    Manifest,
    ManifestForm,
    ManifestLine,
    Style,
    combine_manifests,
    format_manifest,
    manifest_name,
    parse_manifest,
    supplement_number,
)
from vampd.model.frame_ids import FrameId

PLAIN = ManifestForm()
BOTH = (DigestColumn.SHA256, DigestColumn.MD5)
frame_ids = st.builds(FrameId, st.integers(0, 10**8 - 1))
paths = st.text("abc/:._ é\udcff", min_size=1).map(lambda text: f"/{text}")
digests = st.text("0123456789abcdef", min_size=4)
lines = st.builds(ManifestLine, frame_ids, paths, st.integers(0, 10**18 - 1), digests, digests)
unique_lines = st.lists(lines, unique_by=(lambda line: line.frame_id, lambda line: line.path))
forms = st.one_of(
    st.builds(ManifestForm, st.just(Style.PLAIN), st.just(()), st.sampled_from(LineEnd)),
    st.builds(
        ManifestForm,
        st.just(Style.MKBULK),
        st.lists(st.sampled_from(DigestColumn), unique=True).map(tuple),
        st.sampled_from(LineEnd),
    ),
)


def line(number: int, path: str | None = None, **known: str) -> ManifestLine:
    return ManifestLine(FrameId(number), path or f"/archive/{number}", 10 + number, **known)


def known_in(form: ManifestForm, shown: ManifestLine) -> ManifestLine:
    """The line as a manifest of that form can tell it."""
    return replace(
        shown,
        sha256=shown.sha256 if DigestColumn.SHA256 in form.columns else None,
        md5=shown.md5 if DigestColumn.MD5 in form.columns else None,
    )


def test_a_line_is_id_path_and_size_ended_as_the_observatory_reads_it():
    shown = ManifestLine(FrameId(425189), "/archive/20251106/vgen2/VMPA00425189.fits.fz", 123)
    assert format_manifest(Manifest(PLAIN, (shown,))) == (
        "VMPA00425189|/archive/20251106/vgen2/VMPA00425189.fits.fz|123\r\n"
    )


def test_the_newer_form_begins_with_its_header_and_may_end_with_digests():
    shown = line(1, "/a", sha256="5a", md5="3d")
    assert format_manifest(Manifest(ManifestForm(Style.MKBULK), (shown,))) == (
        "#FRAMEID|path|size_bytes\r\nVMPA00000001|/a|11\r\n"
    )
    form = ManifestForm(Style.MKBULK, BOTH, LineEnd.LF)
    assert format_manifest(Manifest(form, (shown,))) == (
        "#FRAMEID|path|size_bytes|sha256sum|md5sum\nVMPA00000001|/a|11|5a|3d\n"
    )


@given(forms, unique_lines)
def test_a_manifest_comes_back_sorted_and_written_again_is_the_same(form, given_lines):
    text = format_manifest(Manifest(form, tuple(given_lines)))
    parsed = parse_manifest(text)
    expected = sorted(given_lines, key=lambda one: one.frame_id)
    assert parsed.lines == tuple(known_in(form, one) for one in expected)
    assert format_manifest(parsed) == text
    assert format_manifest(Manifest(form, tuple(reversed(given_lines)))) == text


def test_columns_that_nobody_here_knows_are_passed_over():
    text = "#FRAMEID|path|size_bytes|color|md5sum\nVMPA00000001|/a|5|red|3d\n"
    assert parse_manifest(text).lines == (ManifestLine(FrameId(1), "/a", 5, md5="3d"),)


@pytest.mark.parametrize(
    "damaged",
    [
        "VMPA00000001|/a",
        "VMPE00000001|/a|5",
        "VMPA00000001|/a|big",
        "VMPA00000001|/a|-5",
        "VMPA00000001|/a|٣",
        "VMPA00000001|a|5",
        "|",
        "# a remark",
    ],
)
def test_a_damaged_manifest_is_refused(damaged):
    with pytest.raises(DataError) as caught:
        parse_manifest(f"VMPA00000002|/b|1\r\n{damaged}\r\n")
    assert caught.value.code == "manifest_damaged"
    assert "line 2" in caught.value.message


@pytest.mark.parametrize("text", ["#FRAMEID|size_bytes|path\n", "#\n", "#FRAMEID|path\n"])
def test_a_header_of_another_kind_is_refused(text):
    with pytest.raises(DataError, match="line 1"):
        parse_manifest(text + "VMPA00000002|/b|1\n")


def test_a_line_without_the_columns_of_its_header_is_refused():
    with pytest.raises(DataError, match="line 2"):
        parse_manifest("#FRAMEID|path|size_bytes|md5sum\nVMPA00000002|/b|1\n")


@pytest.mark.parametrize("path", ["relative", "/a|b", "/a\nb", "/a\rb"])
def test_a_path_that_would_break_the_lines_is_refused(path):
    with pytest.raises(ValueError, match="absolute"):
        format_manifest(Manifest(PLAIN, (ManifestLine(FrameId(1), path, 1),)))


def test_a_digest_that_is_not_known_is_never_left_blank():
    unread = Manifest(ManifestForm(Style.MKBULK, BOTH), (line(1, sha256="5a"),))
    with pytest.raises(ValueError, match="md5sum"):
        format_manifest(unread)


def test_columns_need_a_header_and_stand_once():
    with pytest.raises(ValueError, match="mkbulk"):
        ManifestForm(Style.PLAIN, BOTH)
    with pytest.raises(ValueError, match="once"):
        ManifestForm(Style.MKBULK, (DigestColumn.MD5, DigestColumn.MD5))


@given(st.integers(0, 1000))
def test_the_number_of_a_supplement_is_told_by_its_name(number):
    assert supplement_number(manifest_name("20251106", number), "20251106") == number


@pytest.mark.parametrize(
    "name",
    [
        "manifest_VMP_20251107.csv",
        "manifest_VMP_20251106_s0.csv",
        "manifest_VMP_20251106_s01.csv",
        "manifest_VMP_20251106_s.csv",
        "manifest_VMP_20251106.csv.bak",
        "manifest_VMP_20251106_combined.csv",
        "vgen2/manifest_VMP_20251106.csv",
    ],
)
def test_other_names_are_no_manifest_of_the_night(name):
    assert supplement_number(name, "20251106") is None


@given(st.lists(forms, min_size=1, max_size=4), unique_lines, st.randoms())
def test_nothing_is_lost_or_added_by_combining(given_forms, given_lines, chance):
    parts: list[list[ManifestLine]] = [[] for _ in given_forms]
    for one in given_lines:
        chance.choice(parts).append(one)
    manifests = [
        parse_manifest(format_manifest(Manifest(form, tuple(part))))
        for form, part in zip(given_forms, parts, strict=True)
    ]
    combined = combine_manifests(manifests)
    assert combined.files == len(given_lines)
    assert combined.bytes == sum(one.size for one in given_lines)
    read = parse_manifest(format_manifest(combined))
    assert [(x.frame_id, x.path, x.size) for x in read.lines] == [
        (x.frame_id, x.path, x.size) for x in sorted(given_lines, key=lambda one: one.frame_id)
    ]
    assert combine_manifests(manifests[::-1]).lines == combined.lines


@given(forms, unique_lines)
def test_manifests_of_one_form_keep_it(form, given_lines):
    half = len(given_lines) // 2
    parts = [Manifest(form, tuple(given_lines[:half])), Manifest(form, tuple(given_lines[half:]))]
    assert combine_manifests(parts).form == form


def test_manifests_of_several_forms_share_what_all_of_them_show():
    rich = Manifest(ManifestForm(Style.MKBULK, BOTH), (line(1, sha256="5a", md5="3d"),))
    poor = Manifest(ManifestForm(Style.MKBULK, (DigestColumn.MD5,)), (line(2, md5="4e"),))
    plain = Manifest(ManifestForm(line_end=LineEnd.LF), (line(3),))
    assert combine_manifests([rich, poor]).form.columns == (DigestColumn.MD5,)
    assert combine_manifests([rich, plain]).form == ManifestForm(Style.PLAIN, (), LineEnd.CRLF)


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        (line(1, "/a"), line(1, "/b"), "VMPA00000001"),
        (line(1, "/a"), line(2, "/a"), "/a"),
        (line(1, "/a"), line(1, "/a"), "VMPA00000001"),
    ],
)
def test_a_frame_is_announced_once(one, other, named):
    far = line(5)
    with pytest.raises(DataError, match=named) as caught:
        combine_manifests([Manifest(PLAIN, (one, far)), Manifest(PLAIN, (other,))])
    assert caught.value.code == "manifest_duplicate"
    with pytest.raises(DataError):
        combine_manifests([Manifest(PLAIN, (one, far, other))])
