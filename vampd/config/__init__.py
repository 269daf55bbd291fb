"""The configuration: its tables, its places, and how it is read."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.config.alarm import Heartbeat, Notify, Signal
    from vampd.config.crew import CrewEngine, CrewSettings
    from vampd.config.demo import DEMO_VARIABLE, demo_folder, demo_text, make_demo_folder
    from vampd.config.mail import Mail, Tls
    from vampd.config.packaged import packaged_file
    from vampd.config.place import CONFIG_VARIABLE, MACHINE_CONFIG, config_path
    from vampd.config.service import Watch
    from vampd.config.settings import (
        Settings,
        accepted_digest,
        find_misplaced,
        load_settings,
        parse_settings,
        with_destination,
        with_own_ssh,
    )
    from vampd.config.stages import Authority, Gen2Way, Headers, Sync, WhenMissing
    from vampd.config.transfer import Destination, Transfer, is_in_night
else:
    __getattr__ = show(
        __name__,
        {
            "alarm": "Heartbeat Notify Signal",
            "crew": "CrewEngine CrewSettings",
            "demo": "DEMO_VARIABLE demo_folder demo_text make_demo_folder",
            "mail": "Mail Tls",
            "packaged": "packaged_file",
            "place": "CONFIG_VARIABLE MACHINE_CONFIG config_path",
            "service": "Watch",
            "settings": (
                "accepted_digest find_misplaced load_settings parse_settings Settings "
                "with_destination with_own_ssh"
            ),
            "stages": "Authority Gen2Way Headers Sync WhenMissing",
            "transfer": "Destination Transfer is_in_night",
        },
    )

__all__ = [
    "CONFIG_VARIABLE",
    "DEMO_VARIABLE",
    "MACHINE_CONFIG",
    "Authority",
    "CrewEngine",
    "CrewSettings",
    "Destination",
    "Gen2Way",
    "Headers",
    "Heartbeat",
    "Mail",
    "Notify",
    "Settings",
    "Signal",
    "Sync",
    "Tls",
    "Transfer",
    "Watch",
    "WhenMissing",
    "accepted_digest",
    "config_path",
    "demo_folder",
    "demo_text",
    "find_misplaced",
    "is_in_night",
    "load_settings",
    "make_demo_folder",
    "packaged_file",
    "parse_settings",
    "with_destination",
    "with_own_ssh",
]
