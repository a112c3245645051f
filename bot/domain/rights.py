"""Rights on a Kubernetes API, as checks and remediations declare what they need.

`lightship rbac` writes Roles from them, `lightship doctor` asks for them, and findings name the missing one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Right:
    """One verb on one resource of one API group; the group is empty for the core API.

    `resource` may name a sub-resource: `deployments/scale`.
    """

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        """`patch deployments/scale`."""
        return f"{self.verb} {self.resource}"
