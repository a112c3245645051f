"""Doors: what comes from outside is parsed, authenticated and made one command."""
