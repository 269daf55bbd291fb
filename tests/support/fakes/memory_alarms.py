"""What the alarm told, in memory: ports.AlarmLog. Ways that keep what they are told."""

from collections.abc import Collection, Sequence

from vampd.model.alarm import AlarmMessage, AlarmState, Told

_KEPT_S = 90 * 86_400.0


class MemoryAlarms:
    """A record that is lost with the process."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], Told] = {}
        self.refusal: Exception | None = None

    def told(self) -> tuple[Told, ...]:
        return tuple(sorted(self.rows.values(), key=lambda one: (one.at, one.subject)))

    def record(self, told: Sequence[Told]) -> None:
        if self.refusal is not None and told:
            raise self.refusal
        self.rows |= {(one.way, *one.key): one for one in told}

    def prune(self, ways: Collection[str], now: float) -> None:
        self.rows = {
            key: one
            for key, one in self.rows.items()
            if one.way in ways and (one.over_at is None or one.over_at >= now - _KEPT_S)
        }


class KeepingWay:
    """A way that keeps what it is told, or refuses it."""

    def __init__(
        self, name: str = "kept", states: Collection[AlarmState] = tuple(AlarmState)
    ) -> None:
        self.name = name
        self.states = states
        self.said: list[AlarmMessage] = []
        self.refusal: Exception | None = None
        self.tried = 0

    def tell(self, message: AlarmMessage) -> None:
        self.tried += 1
        if self.refusal is not None:
            raise self.refusal
        self.said.append(message)

    @property
    def subjects(self) -> list[str]:
        """The subjects of all messages, and none of them twice."""
        subjects = [message.subject for message in self.said]
        self.said.clear()
        return subjects
