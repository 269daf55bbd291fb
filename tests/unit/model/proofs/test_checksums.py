import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.cubes import SetAside, format_reasons, parse_reasons
from vampd.model.nights import FileStamp
from vampd.model.proofs import format_sums, parse_sums, text_bytes, text_digest

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
names = st.text(st.characters(exclude_characters="\0"), min_size=1)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


def set_aside(path, frames=0, code="code", reason="reason"):
    return SetAside(FileStamp(path, 1, 1), None, frames, code, reason)


def test_sums_are_lines_of_digest_and_path_sorted_by_path():
    assert format_sums({"vgen2/b": "b" * 64, "vbad/a": "a" * 64}) == (
        f"{'a' * 64}  vbad/a\n{'b' * 64}  vgen2/b\n"
    )


def test_no_files_have_no_sums():
    assert format_sums({}) == ""
    assert parse_sums("") == {}


@given(st.dictionaries(names, digests))
def test_sums_come_back_as_they_were_whatever_the_names(digests_by_path):
    assert parse_sums(format_sums(digests_by_path)) == digests_by_path


@given(st.dictionaries(names, digests), st.randoms())
def test_sums_are_a_function_of_the_files_and_not_of_their_order(digests_by_path, random):
    shuffled = list(digests_by_path.items())
    random.shuffle(shuffled)
    assert format_sums(dict(shuffled)) == format_sums(digests_by_path)


@pytest.mark.parametrize(
    "line",
    [
        "no digest",
        f"{EMPTY_SHA256[:-1]}  short",
        f"{EMPTY_SHA256} one-blank",
        f"{EMPTY_SHA256}  ",
        f"\\{EMPTY_SHA256}  unknown \\x escape",
        f"\\{EMPTY_SHA256}  open escape \\",
        f"{EMPTY_SHA256}  first\n{EMPTY_SHA256}  first",
        f"{EMPTY_SHA256}  first\n\n{EMPTY_SHA256}  second",
    ],
)
def test_damaged_sums_are_refused(line):
    with pytest.raises(DataError) as caught:
        parse_sums(f"{line}\n")
    assert caught.value.code == "sums_damaged"


def test_a_name_that_is_not_utf8_is_written_as_the_bytes_that_it_is():
    name = b"vbad/\xff".decode("utf-8", "surrogateescape")
    text = format_sums({name: EMPTY_SHA256})
    assert text_bytes(text).endswith(b"  vbad/\xff\n")
    assert len(text_digest(text)) == 64


def test_the_digest_of_a_long_text_is_that_of_its_bytes():
    text = "a\udcff\U0001f52d" * 500_000
    assert text_digest(text) == hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def test_reasons_name_every_cube_once_sorted_by_path():
    text = format_reasons([set_aside("vcam2/b.fits", 3), set_aside("vcam1/a.fits", 0, "x", "why")])
    assert text == (
        "path\tframes\tcode\treason\nvcam1/a.fits\t0\tx\twhy\nvcam2/b.fits\t3\tcode\treason\n"
    )


@given(st.lists(st.builds(set_aside, names, st.integers(0, 10**9), names, names)))
def test_reasons_come_back_as_they_were_whatever_stands_in_them(cubes):
    rows = [(cube.path, cube.frames, cube.code, cube.reason) for cube in cubes]
    text = format_reasons(cubes)
    assert sorted(parse_reasons(text)) == sorted(rows)
    assert text.count("\n") == len(cubes) + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "path\tframes\n",
        "path\tframes\tcode\treason\na\tb\tc\td\n",
        "path\tframes\tcode\treason\na\t1\tc\n",
        "path\tframes\tcode\treason\na\t1\tc\t\\q\n",
    ],
)
def test_damaged_reasons_are_refused(text):
    with pytest.raises(DataError) as caught:
        parse_reasons(text)
    assert caught.value.code == "reasons_damaged"
