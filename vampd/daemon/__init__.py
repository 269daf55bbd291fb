"""The daemon: watches the root, decides what runs, and reports to systemd and the journal."""
