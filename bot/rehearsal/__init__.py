"""Worlds in memory behind the same ports as the real ones; the demo and `lightship rehearse` play them."""
