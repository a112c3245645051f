"""The benchmarks behind `make bench`: speed and memory of the real bot, against goals and plain servers.

Everything is compared within one run, because machines differ and are busy: an absolute figure stands beside
its ratio only to be read. `python -m bench --write` keeps the run as `docs/benchmarks.md`.
"""
