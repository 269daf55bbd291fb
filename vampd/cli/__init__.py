"""The commands: vampd, the daemon, and vampctl, with which people ask and tell it things."""
