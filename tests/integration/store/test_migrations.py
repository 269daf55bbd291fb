"""Only vampd migrates, in one transaction, and models and migrations agree."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.support.tools.scripts import run_script, was_killed
from tests.support.worlds.records.stores import the_night, url_of
from vampd.errors import StoreError
from vampd.model.nights import Status
from vampd.store.database import opening as opening_module
from vampd.store.database.connection import Store
from vampd.store.database.opening import MIGRATIONS, Access, open_store
from vampd.store.nights import Nights
from vampd.store.schema import REVISION, Base
from vampd.store.triggers import TRIGGERS

NEXT_REVISION = f"{int(REVISION) + 1:04}"


def test_migrations_and_models_agree(store: Store):
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_and_triggers_agree(path: Path):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        assert {name: " ".join(sql.split()) for name, sql in rows} == TRIGGERS


def test_the_newest_migration_is_the_schema_that_this_version_works_with():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == REVISION


@pytest.mark.parametrize("access", Access)
def test_a_newer_schema_is_refused_by_everybody(path: Path, access: Access):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer") as error:
        open_store(url_of(path), access)
    assert error.value.code == "schema_mismatch"


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A vampd whose schema is one migration further."""

    def prepare(body: str) -> None:
        migrations = tmp_path / "100% migrations"
        shutil.copytree(MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
        (migrations / "versions" / f"rev_{NEXT_REVISION}.py").write_text(
            "import os\nfrom alembic import op\n"
            f"revision, down_revision = '{NEXT_REVISION}', '{REVISION}'\n"
            "branch_labels = depends_on = None\n"
            f"def upgrade():\n    op.execute('CREATE TABLE novelty (id INTEGER)')\n    {body}\n"
        )
        monkeypatch.setattr(opening_module, "MIGRATIONS", migrations)
        monkeypatch.setattr(opening_module, "REVISION", NEXT_REVISION)

    return prepare


def schema_of(path: Path) -> tuple[str, bool]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return version, bool(connection.execute("PRAGMA table_info(novelty)").fetchall())


def test_only_vampd_migrates_an_older_database(path: Path, next_version):
    next_version("pass")
    with pytest.raises(StoreError, match="older") as error:
        open_store(url_of(path), Access.USE)
    assert error.value.code == "schema_mismatch"
    assert schema_of(path) == (REVISION, False)
    store = open_store(url_of(path), Access.MIGRATE)
    assert the_night(Nights(store)).state.status is Status.READY
    store.close()
    assert schema_of(path) == (NEXT_REVISION, True)
    open_store(url_of(path), Access.USE).close()


def test_a_migration_that_fails_leaves_the_old_schema(path: Path, next_version):
    next_version("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        open_store(url_of(path), Access.MIGRATE)
    assert schema_of(path) == (REVISION, False)


def test_a_migration_that_is_killed_leaves_the_old_schema(path: Path, next_version):
    next_version("os.kill(os.getpid(), 9)")
    migrate = (
        "import sys\nfrom pathlib import Path\nfrom vampd.store.database import opening\n"
        "opening.MIGRATIONS, opening.REVISION = Path(sys.argv[2]), sys.argv[3]\n"
        "opening.open_store(sys.argv[1], opening.Access.MIGRATE)\n"
    )
    assert was_killed(run_script(migrate, url_of(path), opening_module.MIGRATIONS, NEXT_REVISION))
    assert schema_of(path) == (REVISION, False)


def test_every_table_of_the_database_is_known_to_the_models(path: Path):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {name for (name,) in rows if not re.match("sqlite_|alembic_", name)}
    assert found == set(Base.metadata.tables)
