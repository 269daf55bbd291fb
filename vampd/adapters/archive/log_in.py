"""Logging in where only so many may begin to at once: sshd turns others away (MaxStartups).

Several parts of a night travel at once, and each asks something before it does: their log-ins may
meet. Who was turned away has begun nothing, so it tries again a moment later, at a time of its own.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from vampd.adapters.programs import Ended
from vampd.ports import Pace

# What ssh says while it waits for the first words of an sshd (OpenSSH, sshd_config(5)).
_TURNED_AWAY = re.compile(r"^(?:kex|ssh)_exchange_identification:", re.MULTILINE)
# The longest wait before each new try: some eight seconds in all.
_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0)
_LOOK_EVERY_S = 0.1


def let_in(log_in: Callable[[], Ended], pace: Pace) -> Ended:
    """How a program that logs in ends: let in, or turned away at each try. ClaimLost."""
    for longest_s in _WAITS_S:
        ended = log_in()
        if not (ended.status and _TURNED_AWAY.search(ended.stderr)):
            return ended
        until = time.monotonic() + random.uniform(0, longest_s)
        while (left_s := until - time.monotonic()) > 0:
            pace.check()
            time.sleep(min(left_s, _LOOK_EVERY_S))
    return log_in()
