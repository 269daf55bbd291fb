"""The database as SQLite drives it: opened, created, migrated, read without writing, its errors."""
