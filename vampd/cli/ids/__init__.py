"""The frame-ID ledger: reviewing and rebuilding it."""
