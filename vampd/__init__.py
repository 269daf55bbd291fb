"""Takes VAMPIRES nights from the cameras' raw cubes to verified products on the archive host."""

__version__ = "0.3.0"
