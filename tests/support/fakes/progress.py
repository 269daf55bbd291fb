"""A progress that keeps what it hears."""

from __future__ import annotations

from collections.abc import Callable

from vampd.model.plan import Action


class HeardProgress:
    """What was done, in order; ``tell`` is called with each action as well."""

    def __init__(self, tell: Callable[[Action], None] = lambda _: None) -> None:
        self.actions: list[Action] = []
        self._tell = tell

    def done(self, action: Action) -> None:
        self.actions.append(action)
        self._tell(action)

    def look(self) -> None:
        pass
