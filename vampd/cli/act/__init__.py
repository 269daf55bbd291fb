"""Commands that act: run, retry, hold, transfer, verify, restore, and single files."""
