"""The daemon: watches the root, decides what runs, runs it, and tells systemd and the journal."""
