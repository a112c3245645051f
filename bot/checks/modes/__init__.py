"""Failure modes that have a name, recognised in the objects of a service without a runbook's help.

Each module is about one subject and has one function from a `Sight` to its suspects. All are pure.
"""
