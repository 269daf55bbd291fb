"""The rest of the world: other programs, the archive host, frame-ID authorities."""
