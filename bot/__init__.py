"""Lightship: a ChatOps incident-response bot for machine-learning services on Kubernetes."""

__version__ = "0.1.0"
