"""What else a night says of its products, and what those that were decided have become."""
