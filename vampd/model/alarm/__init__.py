"""What people are told when a night, or a disk, needs them; and the mail of a morning."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.alarm.message import (
        AlarmMessage,
        environment_of,
        tell_over,
        tell_test,
        tell_troubles,
    )
    from vampd.model.alarm.morning import MORNING, due_morning, morning_since, write_morning
    from vampd.model.alarm.telling import Told, WhatToTell, decide
    from vampd.model.alarm.trouble import (
        AlarmState,
        LowPlace,
        Trouble,
        find_troubles,
        parse_low_place,
        write_low_place,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "message": "AlarmMessage environment_of tell_over tell_test tell_troubles",
            "morning": "due_morning MORNING morning_since write_morning",
            "telling": "decide Told WhatToTell",
            "trouble": (
                "AlarmState find_troubles LowPlace parse_low_place Trouble write_low_place"
            ),
        },
    )

__all__ = [
    "MORNING",
    "AlarmMessage",
    "AlarmState",
    "LowPlace",
    "Told",
    "Trouble",
    "WhatToTell",
    "decide",
    "due_morning",
    "environment_of",
    "find_troubles",
    "morning_since",
    "parse_low_place",
    "tell_over",
    "tell_test",
    "tell_troubles",
    "write_low_place",
    "write_morning",
]
