"""The two error words that engines act on; adapters translate every foreign error into one of them."""

from __future__ import annotations


class LightshipError(Exception):
    """Base of what Lightship raises on purpose; its text may be shown to users and holds no secret."""


class Temporary(LightshipError):  # noqa: N818 - the two error words, said as they are meant
    """Trying again later may succeed.

    `delay` is the number of seconds to wait at least; None leaves the choice to the caller's back-off.
    """

    def __init__(self, message: str, *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Permanent(LightshipError):  # noqa: N818 - as above
    """Trying the same again cannot succeed; somebody has to change something first."""


class Ambiguous(Temporary):
    """The call may or may not have taken effect: look at the world before trying again."""


class Overloaded(Temporary):
    """More came in than can be stored in time; nothing of it counts as accepted."""


class NotFound(Permanent):
    """The thing asked for does not exist."""


class Forbidden(Permanent):
    """The right is missing. `right` says which, as a verb and a resource, when the other side told."""

    def __init__(self, message: str, *, right: str = "") -> None:
        super().__init__(message)
        self.right = right


class Conflict(Permanent):
    """The object changed since it was read: read it again and plan anew."""


class Protected(Permanent):
    """A PodDisruptionBudget allows no eviction now."""


class DryRunUnsupported(Permanent):
    """A dry run is not possible here, because an admission webhook does not take part in dry runs."""


class ContentRefused(Permanent):
    """The chat refuses what a message holds: draw it in a simpler way, the same again cannot succeed."""
