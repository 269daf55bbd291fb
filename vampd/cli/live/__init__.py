"""What is live: a screen of what the cameras write and what vampd does, now."""
