"""What the pages show, made of one look at the database."""
