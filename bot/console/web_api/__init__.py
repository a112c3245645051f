"""Slack's Web API as the stand-in speaks it: one module for each family of methods, `dispatch` in front."""
