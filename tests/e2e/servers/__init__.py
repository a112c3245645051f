"""The real servers that the end-to-end tests own: one module a product, started from nothing and on loopback.

Used by the fixtures in `tests/e2e/conftest.py`. Every process dies with the test run, whatever way it ends
(see `guard.py`), listens on a free port, and shows the tail of its log when it does not start.
"""
