"""A night that was made safe, and how what becomes of it is judged by what it was then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site
from tests.support.daemon.state import digest_of, product_tree, record_of, tell
from vampd.model.nights import EventName, NightId, StageName, Status


@dataclass(frozen=True)
class SafeNight:
    """A safe night: its site, and what it held here and at the archive when it became safe."""

    site: Site
    night: NightId
    here: dict[str, str]
    there: dict[str, str]

    @property
    def folder(self) -> Path:
        return self.site.folder(self.night)

    @property
    def copy(self) -> Path:
        return self.site.copy(self.night)

    @classmethod
    def of(cls, site: Site, night: NightId) -> SafeNight:
        """The night as it is now."""
        return cls(site, night, product_tree(site.folder(night)), tree_there(site, night))

    def retry(self, stage: StageName) -> None:
        tell(self.site, self.night, EventName.RETRIED, stage)
        settle_here(self.site)

    def assert_held(self, code: str, *names: str) -> None:
        """Held with this code, the files named; the archive copy is as it was."""
        record = record_of(self.site, self.night)
        assert (record.state.status, record.code) == (Status.HELD, code), record.error
        assert record.error
        for name in names:
            assert name in record.error
        assert tree_there(self.site, self.night) == self.there

    def assert_as_it_was(self) -> None:
        record = record_of(self.site, self.night)
        assert record.state.status is Status.DONE, (record.code, record.error)
        assert record.safe_at is not None
        assert product_tree(self.folder) == self.here
        assert tree_there(self.site, self.night) == self.there


def tree_there(site: Site, night: NightId) -> dict[str, str]:
    copy = site.copy(night)
    return {
        path.relative_to(copy).as_posix(): digest_of(path)
        for path in copy.rglob("*")
        if path.is_file()
    }


def products_of(night: SafeNight) -> list[Path]:
    return sorted((night.folder / "vgen2").glob("*.fits.fz"))


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
