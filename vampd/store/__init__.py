"""SQLite through SQLAlchemy: nights and their histories, receipts, the frame-ID ledger."""
