"""What the database says was committed survives a power cut, and so does the database itself."""

from pathlib import Path

import pytest

from tests.support.tools.fsyncs import record_fsyncs
from vampd.store.database.opening import Access, open_store

_FULL = 2


def test_a_new_database_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = record_fsyncs(monkeypatch)
    open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE).close()
    (file, (content,)), folder = synced
    assert file.name == ".vampd.db.new"
    assert content.startswith("SQLite format 3")
    assert folder == (tmp_path, ["vampd.db"])


def test_every_commit_waits_for_the_disk_and_checks_foreign_keys(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    for transaction in (store.read, store.write):
        with transaction() as connection:
            for pragma, value in (("synchronous", _FULL), ("foreign_keys", 1)):
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value, pragma
    store.close()
