"""The engine: carries out attempts at stages, for the daemon and in the foreground."""
