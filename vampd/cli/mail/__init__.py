"""What goes to STARS: manifests and the mail that announces them."""
