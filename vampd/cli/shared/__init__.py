"""What all commands share: the session, the choice of nights, output and its words."""
