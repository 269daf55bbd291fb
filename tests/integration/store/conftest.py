"""A database with a night in it."""

import shutil
from pathlib import Path

import pytest

from tests.support.worlds.records.stores import NIGHT, url_of
from vampd.model.nights import Event, EventName, FileStamp
from vampd.model.proofs import Place, Receipt
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.receipts import StoredReceipts


@pytest.fixture(scope="session")
def with_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with some rows, closed; nothing may change it."""
    path = tmp_path_factory.mktemp("with rows") / "vampd.db"
    store = open_store(url_of(path), Access.MIGRATE)
    nights = Nights(store)
    nights.discover(NIGHT, at=1.0)
    nights.apply(NIGHT, Event(EventName.SETTLED), at=2.0, actor="test")
    stamps = [FileStamp(f"vgen2/{number:06}.fits.fz", number, number) for number in range(2000)]
    receipts = [Receipt(Place.HERE, stamp, "0" * 64, 1.0) for stamp in stamps]
    StoredReceipts(store).keep(NIGHT, receipts)
    store.close()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return path


@pytest.fixture
def path(with_rows: Path, tmp_path: Path) -> Path:
    """A database with some rows, closed."""
    return Path(shutil.copy(with_rows, tmp_path))


@pytest.fixture
def store(path: Path):
    store = open_store(url_of(path), Access.USE)
    yield store
    store.close()
