"""Who may correct: the owner; a member proposes, and adds nothing to what another wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site
from tests.support.daemon.state import connected
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OTHER_MEMBER,
    OWNER,
    User,
    give_to_owner,
    shared_site,
)
from vampd.config import load_settings
from vampd.model.headers import CORRECTIONS
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)


def prepare(site: Site) -> Path:
    """A night whose folder members may write to, as that of some loggers."""
    make_smallest(site.root)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    with connected(site) as connections:
        connections.store.discover(NIGHT, 1.0)
    give_to_owner(site)
    subprocess.run(["chmod", "-R", "u+rwX,g+rX,o-rwx", site.base], check=True)
    site.base.chmod(0o755)
    site.folder(NIGHT).chmod(0o2770)
    return site.folder(NIGHT) / CORRECTIONS


def correct(who: User, site: Site, value: str) -> subprocess.CompletedProcess[str]:
    card, _, _ = value.partition("=")
    old = {"OBJECT": "HD 34700", "PROP-ID": "o25999"}[card]
    words = ("--set", value, "--where", f"{card}={old}", "--why", "a typo")
    return who.vampctl(site, "correct", NIGHT.date, *words)


@pytest.mark.soak
def test_a_member_proposes_and_touches_nothing_of_another() -> None:
    with shared_site() as site:
        path = prepare(site)
        proposed = correct(MEMBER, site, "OBJECT=HD 2")
        assert (proposed.returncode, "--accept" in proposed.stdout) == (0, True), proposed.stderr
        written = path.read_bytes()
        assert path.stat().st_uid == MEMBER.uid
        # Nobody's lines come to what is someone else's, and each is told what is theirs to do.
        for who, way in ((OTHER_MEMBER, "tell the owner"), (OWNER, "--accept")):
            refused = correct(who, site, "PROP-ID=o26000")
            said = " ".join(refused.stderr.split())
            assert (refused.returncode, way in said) == (1, True), said
            assert ("move it away" in said) is (who is OWNER)
            assert path.read_bytes() == written
        assert MEMBER.vampctl(site, "correct", NIGHT.date, "--accept").returncode != 0
        accepted = OWNER.vampctl(site, "correct", NIGHT.date, "--accept")
        assert (accepted.returncode, path.stat().st_uid) == (0, OWNER.uid), accepted.stderr
        assert path.read_bytes() == written
        late = correct(MEMBER, site, "PROP-ID=o26000")
        assert (late.returncode, "tell the owner" in " ".join(late.stderr.split())) == (1, True)
        assert path.read_bytes() == written
