"""Whom vampd tells, and how: a command, a URL."""
