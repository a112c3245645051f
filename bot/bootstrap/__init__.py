"""The composition root: settings become services, adapters and engines; only here are they put together."""
