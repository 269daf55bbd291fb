"""The archive: known by its mark, and sent to while a night is still being packed."""
