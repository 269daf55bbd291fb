"""The engine: carries out attempts at stages, for the daemon and for people in the foreground."""
