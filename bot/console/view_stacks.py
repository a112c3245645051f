"""The modals that are open, a stack for each user, and the Home tabs; called by `views.*` and by the page."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bot.console.values import Json, View

DEEPEST = 3


class StackFullError(Exception):
    """A fourth view was pushed on a stack of three."""


class HashConflictError(Exception):
    """The view was altered since the given hash was read."""


class Changed(Protocol):
    """How the workspace is told of a change."""

    def __call__(self, kind: str, payload: Json, *, only_for: str | None = None) -> None:
        """Tells the listeners."""


class ViewStacks:
    """Views by id and the stack of each user, the topmost last."""

    def __init__(self, *, changed: Changed, new_id: Callable[[str], str]) -> None:
        self._changed = changed
        self._new_id = new_id
        self.by_id: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, str] = {}

    def open(self, user: str, body: Json) -> View:
        """Opens a modal on a new stack: what was open before is gone, as in Slack."""
        self.clear(user)
        return self._place(user, body, previous=None)

    def push(self, user: str, body: Json) -> View:
        """Puts a modal on top; raises StackFullError beyond three."""
        stack = self.stacks.get(user, [])
        if len(stack) >= DEEPEST:
            raise StackFullError
        return self._place(user, body, previous=stack[-1] if stack else None)

    def _place(self, user: str, body: Json, previous: str | None) -> View:
        made = self._new_id("V")
        root = self.by_id[previous].root_view_id if previous else made
        view = View(
            id=made,
            user=user,
            body=body,
            hash=self._new_id("hash"),
            root_view_id=root,
            previous_view_id=previous,
            external_id=body.get("external_id") or "",
        )
        self.by_id[made] = view
        self.stacks.setdefault(user, []).append(made)
        self._tell(user)
        return view

    def update(self, view_id: str, body: Json, *, expected_hash: str | None = None) -> View:
        """Replaces a view's content; raises KeyError when it is gone, HashConflictError when it moved on."""
        found = self.by_id[view_id]
        if expected_hash and expected_hash != found.hash:
            raise HashConflictError
        altered = replace(found, body=body, hash=self._new_id("hash"))
        self.by_id[view_id] = altered
        self._tell(found.user)
        return altered

    def publish(self, user: str, body: Json) -> View:
        """Sets a user's Home tab."""
        made = self.homes.get(user) or self._new_id("V")
        view = View(id=made, user=user, body=body, hash=self._new_id("hash"), root_view_id=made)
        self.by_id[made] = view
        self.homes[user] = made
        self._changed("home", {}, only_for=user)
        return view

    def pop(self, user: str) -> None:
        """Takes the topmost view away."""
        stack = self.stacks.get(user, [])
        if stack:
            self.by_id.pop(stack.pop(), None)
            self._tell(user)

    def clear(self, user: str) -> None:
        """Closes every modal of the user."""
        closed = self.stacks.pop(user, [])
        for view_id in closed:
            self.by_id.pop(view_id, None)
        if closed:
            self._tell(user)

    def of_user(self, user: str) -> list[View]:
        """The user's open modals, the topmost last."""
        return [self.by_id[view_id] for view_id in self.stacks.get(user, [])]

    def by_external_id(self, external_id: str) -> View | None:
        """The view that the app named so, if it is open."""
        return next((v for v in self.by_id.values() if external_id and v.external_id == external_id), None)

    def _tell(self, user: str) -> None:
        self._changed("views", {}, only_for=user)
