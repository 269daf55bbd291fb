"""The frame-ID ledger: what it lists, and writing it again."""
