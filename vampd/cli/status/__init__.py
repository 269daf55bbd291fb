"""The state of all nights, and of the daemon, at a glance."""
