"""Cards: what both cameras' headers say of settings, and where they differ."""
