"""Files that survive crashes: atomic appearance, fsync, cache advice, locks, listings, pace."""
