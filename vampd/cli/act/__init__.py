"""Commands that act on nights: run, retry, hold, transfer, verify, restore."""
