"""Read-only checks: a target and readers in, a finding out. Nothing here reaches a writer or a planner."""
