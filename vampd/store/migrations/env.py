"""Alembic's entry: runs migrations in the transaction that ``store.database.opening`` has begun."""

from alembic import context

from vampd.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite's DDL is transactional once pysqlite does not interfere (see connection.py): a
    # killed migration leaves the old schema.
    transactional_ddl=True,
    # SQLite cannot ALTER most things; Alembic then copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
