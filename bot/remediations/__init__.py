"""Remediations: plan, apply, recover, watch. Only the remediating engine and bootstrap may import this."""
