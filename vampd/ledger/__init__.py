"""The frame-ID ledger: what was granted, what it is bound to, and what shows it (promise 4)."""
