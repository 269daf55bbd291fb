"""What the engine mails: manifests to STARS, and warnings to people."""
