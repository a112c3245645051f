"""The load test of the sample service: `make load`."""
