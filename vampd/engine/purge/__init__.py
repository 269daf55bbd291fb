"""Giving raw space back: what must hold, what is kept of the raw files, and the removal itself."""
