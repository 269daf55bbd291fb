"""New databases at the price of a copy."""

import tempfile
from functools import cache
from pathlib import Path

from tests.support.tools.memory import folder_in_memory
from vampd.store.engine import Access, open_store


@cache
def new_database() -> bytes:
    """The bytes of an empty database; migrating costs more than most tests that need one."""
    with tempfile.TemporaryDirectory(prefix="vampd-test-", dir=folder_in_memory()) as folder:
        path = Path(folder) / "vampd.db"
        open_store(f"sqlite:///{path}", Access.MIGRATE).close()
        return path.read_bytes()
