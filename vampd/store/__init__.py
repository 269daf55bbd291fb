"""SQLite through SQLAlchemy: nights and their histories, receipts, what was mailed."""
