"""FITS: raw cubes read, packed products written. The only importer of numba."""
