"""The heartbeat: somebody else is told that vampd works, and raises the alarm when that ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vampd.config import Heartbeat, Signal
from vampd.errors import VampdError
from vampd.log import get_log
from vampd.model.alarm import Trouble
from vampd.model.life_sign import Life, LifeState
from vampd.ports import Heart

_log = get_log()
_AGAIN_S = 30.0
_LISTED = 20


class Beating:
    """Says at a period that vampd lives, as `vampctl daemon` finds it."""

    def __init__(
        self,
        look_for_life: Callable[[], Life],
        troubles: Callable[[], Sequence[Trouble]],
        host: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_for_life = look_for_life
        self._troubles = troubles
        self._host = host
        self._monotonic = monotonic
        self._beat_at = float("-inf")
        self._has_begun = False
        self._failed = ""

    def beat_if_due(self, settings: Heartbeat, heart: Heart) -> None:
        """Send what is due; a signal that does not arrive is tried again, and said once."""
        now = self._monotonic()
        if now < self._beat_at:
            return
        life = self._look_for_life()
        troubles = self._troubles() if settings.fails_for_troubles else ()
        # This process lives; whether its loop turns is what the sign of it tells.
        is_well = life.state is not LifeState.SILENT and not troubles
        signal, text = (Signal.SUCCESS if is_well else Signal.FAIL), self._text(life, troubles)
        has_arrived = True
        if not self._has_begun and Signal.START in settings.signals:
            has_arrived = self._send(heart, Signal.START, text)
        self._has_begun = has_arrived
        if has_arrived and signal in settings.signals:
            has_arrived = self._send(heart, signal, text)
        every_s = settings.every_s
        self._beat_at = self._monotonic() + (every_s if has_arrived else min(every_s, _AGAIN_S))

    def fail(self, settings: Heartbeat, heart: Heart, why: str) -> None:
        """Say at once that vampd ends, and why."""
        if Signal.FAIL in settings.signals:
            self._send(heart, Signal.FAIL, f"vampd on {self._host} ends: {why}\n")

    def _send(self, heart: Heart, signal: Signal, text: str) -> bool:
        try:
            heart.beat(signal, text)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            if self._failed != code:
                self._failed = code
                _log.warning("heartbeat.not_sent", signal=str(signal), code=code, error=str(error))
            return False
        if self._failed:
            self._failed = ""
            _log.info("heartbeat.sent", signal=str(signal))
        return True

    def _text(self, life: Life, troubles: Sequence[Trouble]) -> str:
        sign = life.sign
        doing = "starts" if sign is None else sign.doing
        version = "" if sign is None else f" {sign.version}"
        stands = "" if life.state is not LifeState.SILENT else "stands still; last: "
        listed = [f"{one.title} {one.what}: {one.code}" for one in troubles[:_LISTED]]
        return "\n".join((f"vampd{version} on {self._host}: {stands}{doing}", *listed, ""))
