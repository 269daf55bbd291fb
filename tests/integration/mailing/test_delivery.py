"""What arrives: over TLS, with the digests and manifests of real nights."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import configure
from tests.support.daemon.state import record_of
from tests.support.tools.mail_server import (
    HOST,
    SENDER,
    STARS,
    running_mail_server,
    write_credentials,
)
from tests.support.worlds.archive.post import Post, Tool, retry
from vampd.model.delivery import (
    Correspondence,
)
from vampd.model.nights import Status


def test_nothing_is_mailed_by_itself_unless_configured(finished: Post) -> None:
    assert finished.correspondence() == Correspondence()
    assert record_of(finished.site, finished.night).state.status is Status.DONE
    assert record_of(finished.site, finished.night).manifests == 1


def test_by_smtp_over_tls_with_a_login_it_arrives_at_stars(post: Post, tool: Tool) -> None:
    base = post.site.base
    with running_mail_server(base, tool, login=True) as server:
        credentials = write_credentials(base)
        post.use(
            automatic=True,
            way="smtp",
            host=HOST,
            port=server.port,
            ca_file=str(server.certificate),
            credentials=str(credentials),
        )
        retry(post)
        settle_here(post.site)
    (received,) = server.received
    assert (received.sender, received.recipients) == (SENDER, STARS)
    assert received.over_tls
    (part,) = received.mail.iter_attachments()
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert part.get_payload(decode=True) == manifest.read_bytes()
    assert received.mail["Message-ID"] == post.only_mailing().message_id
    assert "a word of 3 parts" not in post.site.log.read_text()


def test_md5_of_a_real_night_is_what_md5sum_says(post: Post, tool: Tool, tmp_path: Path) -> None:
    import hashlib

    for path in post.folder.glob("manifest*"):
        path.unlink()
    table = {"form": "mkbulk", "columns": ["sha256sum", "md5sum"], "prefix": "/stars/nights"}
    configure(post.site, manifest=table)
    retry(post)
    settle_here(post.site)
    text = (post.folder / f"manifest_VMP_{post.night.date}.csv").read_bytes().decode()
    header, *lines = text.split("\r\n")
    assert header == "#FRAMEID|path|size_bytes|sha256sum|md5sum"
    assert lines.pop() == ""
    assert lines
    for line in lines:
        frame_id, told_path, size, sha256, md5 = line.split("|")
        prefix, _, name = told_path.rpartition(f"/stars/nights/{post.night.date}/")
        content = (post.folder / name).read_bytes()
        assert (prefix, name) == ("", f"vgen2/{frame_id}.fits.fz")
        assert int(size) == len(content)
        assert sha256 == hashlib.sha256(content).hexdigest()
        assert md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_several_nights_become_one_manifest(post: Post, tmp_path: Path) -> None:
    combined = tmp_path / "combined.csv"
    words = ("manifest", post.night.date, post.night.date, "--combine", str(combined))
    done = vampctl(post.site, *words)
    assert done.returncode == 0, done.stderr
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert combined.read_bytes() == manifest.read_bytes()
    assert "of 1 night" in done.stdout
    again = vampctl(post.site, *words)
    assert (again.returncode, "exists" in again.stderr) == (2, True)
    late = post.folder / f"manifest_VMP_{post.night.date}_s1.csv"
    late.write_bytes(manifest.read_bytes())
    other = tmp_path / "other.csv"
    done = vampctl(post.site, "manifest", post.night.date, "--combine", str(other))
    assert (done.returncode, "occurs twice" in done.stderr) == (1, True)
    assert not other.exists()
    assert sorted(os.listdir(tmp_path)) == ["combined.csv", "own"]
