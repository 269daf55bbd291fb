"""A night and what happens around it: a lost database, an archive host that moves nights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.daemon.site import configure
from tests.support.worlds.proof.world import DATE, TABLES, ProofWorld


class WideWorld(ProofWorld):
    """A `ProofWorld` whose archive host may move the night by itself, to where vampd looks."""

    is_moved = False

    @property
    def moved_to(self) -> Path:
        """Where the archive host moves nights."""
        return self.site.base / "moved"

    @property
    def copy(self) -> Path:
        """The night's copy, wherever the host has it."""
        return self.moved_to / DATE if self.is_moved else super().copy

    def configure(self, **tables: Mapping[str, object]) -> None:
        """As `ProofWorld`, with the place that the host moves nights to."""
        key = f"transfer_{self.night.kind}"
        mine = {**tables.pop(key, {}), "moved_to": [f"{self.moved_to}/{{date}}"]}
        configure(self.site, **TABLES, **tables, **{key: mine})

    def lose_database(self) -> None:
        """The database is gone; vampd begins with the folders, and a person accepts the archive."""
        if self.unmounted:
            return
        for path in self.site.database.parent.glob("vampd.db*"):
            path.unlink()
        # Nothing that was read is on record, so that all of it is read.
        self.judge.doubt()
        self._act("lose database", self._begin_again)

    def _begin_again(self) -> bool:
        self.vampd.advance()
        self.vampd.command("archive", "accept", str(self.night.kind), "--yes")
        return self.vampd.advance()

    def host_moves(self) -> None:
        """The archive host moves the night, or moves it back."""
        home = self.disk / DATE
        if self.unmounted or not (home.exists() or self.is_moved):
            return
        self._count("host moves back" if self.is_moved else "host moves")
        self.moved_to.mkdir(exist_ok=True)
        if self.is_moved:
            self.copy.rename(home)
        else:
            home.rename(self.moved_to / DATE)
        self.is_moved = not self.is_moved

    def _judge_state(self) -> None:
        super()._judge_state()
        if self.is_moved:
            assert not (self.disk / DATE).exists(), "sent again, though the host has moved it"
