"""Lightship: a ChatOps incident-response bot for machine-learning services on Kubernetes."""

__version__ = "0.1.0"

INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it: 128 and the number of the signal."""

TERMINATED = 143
"""The same of what SIGTERM ended."""
