"""GNU sha256sum judges SHA256SUMS."""

import subprocess

from vampd.model.proofs import format_sums, text_bytes

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_sha256sum_agrees_about_names_that_need_an_escape(tool, tmp_path):
    for name in ["plain", "back\\slash", "line\nfeed", "carriage\rreturn", " blanks ", "*star"]:
        (tmp_path / name).touch()
    text = format_sums({file.name: EMPTY_SHA256 for file in tmp_path.iterdir()})
    subprocess.run(
        [tool("sha256sum"), "--check", "--strict", "--quiet", "-"],
        input=text_bytes(text),
        cwd=tmp_path,
        check=True,
    )
