"""Disks and rates are sampled beside the loop, and nothing fails for that."""

from pathlib import Path

import pytest

from tests.support.fakes.memory_store import MemoryNights
from tests.support.worlds.records.varied_nights import RUNNING, make_varied, opened
from vampd.daemon import sampling
from vampd.daemon.sampling import Sampler
from vampd.errors import DiskFull
from vampd.model.measures import Sampled
from vampd.model.nights import NightUpdate
from vampd.store.database.measures import StoredSamples, measures_of
from vampd.store.nights import Nights


def test_a_sample_has_the_space_of_each_disk_and_the_rates_of_what_runs(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    make_varied(database, 4)
    with opened(database) as store:
        nights, measures = Nights(store), measures_of(store)
        running = nights.night(RUNNING)
        assert running is not None
        at = running.changed_at + 60
        nights.update(RUNNING, NightUpdate(bytes_per_s=92_000_000, progressed_at=at))
        sampler = Sampler(nights, StoredSamples(store), tmp_path, database, lambda: at)
        sampler.take()
        taken = {
            what: tuple(one for one in measures.samples(what, at) if one.at == at)
            for what in Sampled
        }
        assert {len(found) for found in taken.values()} == {1}
        assert taken[Sampled.PACKING] == ((at, 92_000_000.0),)
        assert taken[Sampled.SENDING] == ((at, 0.0),)
        for free, whole in (
            (Sampled.NIGHTS_FREE, Sampled.NIGHTS_ALL),
            (Sampled.DATABASE_FREE, Sampled.DATABASE_ALL),
        ):
            assert 0 < taken[free][0].value <= taken[whole][0].value


class Refusing:
    def keep(self, values: object, at: float) -> None:
        raise DiskFull("disk_full", "no space left for the database")


def test_what_cannot_be_sampled_or_kept_is_said_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(sampling._log, "warning", lambda event, **fields: said.append(event))
    away = Sampler(MemoryNights(), Refusing(), tmp_path / "away", tmp_path / "vampd.db")
    full = Sampler(MemoryNights(), Refusing(), tmp_path, tmp_path / "vampd.db")
    for sampler in (away, away, full, full):
        sampler.take()
    assert said == ["sample.not_taken"] * 2


def test_samples_are_taken_until_vampd_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_FIRST_AFTER_S", 0.0)
    monkeypatch.setattr(sampling, "SAMPLE_EVERY_S", 0.01)
    taken: list[float] = []

    class Counting:
        def keep(self, values: object, at: float) -> None:
            taken.append(at)
            if len(taken) == 3:
                sampler._ending.set()

    sampler = Sampler(MemoryNights(), Counting(), tmp_path, tmp_path / "vampd.db")
    sampler.start()
    sampler._thread.join(60)
    sampler.close()
    assert len(taken) == 3


def test_a_life_that_ends_before_the_first_sample_takes_one_as_it_ends(tmp_path: Path) -> None:
    taken: list[float] = []

    class Counting:
        def keep(self, values: object, at: float) -> None:
            taken.append(at)

    sampler = Sampler(MemoryNights(), Counting(), tmp_path, tmp_path / "vampd.db")
    sampler.start()
    assert not taken
    sampler.close()
    assert len(taken) == 1
