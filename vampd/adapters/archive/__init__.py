"""The archive host: a folder here, or one behind ssh that rsync reaches, guarded by a gate."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.adapters.archive.host import open_archive_host, open_data_host, open_moved_archive
    from vampd.adapters.archive.local import LocalArchive
    from vampd.adapters.archive.night_archive import NightArchive
    from vampd.adapters.archive.probe import ask_programs, probe_destination, remove_old_probes
    from vampd.adapters.archive.rsync import PARTIAL_FOLDER
else:
    __getattr__ = show(
        __name__,
        {
            "host": "open_archive_host open_data_host open_moved_archive",
            "local": "LocalArchive",
            "probe": "ask_programs probe_destination remove_old_probes",
            "night_archive": "NightArchive",
            "rsync": "PARTIAL_FOLDER",
        },
    )

__all__ = [
    "PARTIAL_FOLDER",
    "LocalArchive",
    "NightArchive",
    "ask_programs",
    "open_archive_host",
    "open_data_host",
    "open_moved_archive",
    "probe_destination",
    "remove_old_probes",
]
