"""What a person asks for when something of a night was lost: recover and restore."""
