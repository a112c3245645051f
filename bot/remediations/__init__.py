"""Remediations: plan, apply, recover, watch. Only the executing engine and bootstrap may import this."""
