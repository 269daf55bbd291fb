"""How nights travel to another host and back: by rsync."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vampd.adapters.archive.log_in import let_in
from vampd.adapters.archive.night_archive import NightArchive
from vampd.adapters.archive.rsync import (
    CONNECTION_LOST,
    FILE_IO,
    Durability,
    Near,
    names_text,
    rsync_arguments,
    rsync_error,
    unreachable,
)
from vampd.adapters.archive.sources import (
    Part,
    PinnedSources,
    parts_for_rsync,
    parts_to_send,
    pinned_sources,
)
from vampd.adapters.archive.targets import PinnedFolder, without_folders
from vampd.adapters.programs import (
    CauseName,
    ProgramSilent,
    find_cause,
    original_words,
    run_process,
)
from vampd.config import Transfer
from vampd.errors import VampdError
from vampd.model.nights import NightId
from vampd.model.plan import Compare
from vampd.ports import Pace

# What permissions there have nothing to do with.
_NOT_THERE = frozenset({"source_unreadable", "source_vanished"})
# How often rsync may fail without a word before that is what the night shows.
_SILENT_FAILURES = 3


class RsyncArchive(NightArchive):
    """An archive host whose folder rsync can write to, over a connection."""

    def __init__(
        self, path: Path, transfer: Transfer, name: str | None = None, root: Path | None = None
    ) -> None:
        super().__init__(path, transfer, name, root)
        self._durability: Durability | None = None

    @abstractmethod
    def _remote_shell(self) -> Sequence[str]:
        """How rsync reaches the host."""

    @abstractmethod
    def _ask_rsync(self, pace: Pace) -> str:
        """What ``rsync --help`` says there."""

    def get_ready(self, pace: Pace) -> None:
        self._known_durability(pace)

    def _parts_to_send(self, folder: Path, files: Sequence[str]) -> Iterator[Part]:
        return parts_for_rsync(parts_to_send(folder, files))

    def _fetch_folder(
        self,
        night: NightId,
        parent: str,
        names: Sequence[str],
        target: PinnedFolder,
        compare: Compare,
        pace: Pace,
        most_bytes: int | None,
    ) -> None:
        near = Near(str(target.folder), sends=False)
        source = f"{self._target(night)}/{parent}".removesuffix("/")
        durability = self._known_durability(pace)
        command = self._arguments(source, target.name, compare, durability, most_bytes)
        with without_folders(target, names, source):
            self._run_rsync(command, night, names, source, near, pace, target)

    def _send_part(
        self,
        night: NightId,
        folder: Path,
        part: Part,
        compare: Compare,
        pace: Pace,
        before: Callable[[Sequence[str]], object],
        connection: int,
    ) -> None:
        near, ask = Near(str(folder), sends=True), partial(before, part.files)
        with pinned_sources(folder, part.names) as pinned:
            command = self._send_command(night, pinned.view, part, compare, pace, connection)
            target = f"{self._target(night)}{part.below}"
            ask()
            self._run_rsync(command, night, pinned.names, target, near, pace, pinned, again=ask)

    def _send_command(
        self,
        night: NightId,
        folder: Path,
        part: Part,
        compare: Compare,
        pace: Pace,
        stream: int = 0,
    ) -> list[str]:
        target = f"{self._target(night)}{part.below}"
        durability = self._known_durability(pace)
        return self._arguments(str(folder), target, compare, durability, stream=stream)

    def _run_rsync(
        self,
        command: Sequence[str],
        night: NightId,
        files: Sequence[str],
        target: str,
        near: Near,
        pace: Pace,
        *pinned: PinnedSources | PinnedFolder,
        again: Callable[[], object] = lambda: None,
    ) -> None:
        silent = 0
        while True:
            try:
                log_in = partial(
                    run_process,
                    command,
                    stdin=names_text(files),
                    pace=pace,
                    # rsync has its own timeout, with a clearer message.
                    silent_after_s=2 * self._transfer.timeout_s,
                    most_bytes=None,  # its progress: signs of life
                    inherited=[fd for each in pinned for fd in each.descriptors],
                )
                ended = let_in(log_in, pace)
            except ProgramSilent as error:
                raise unreachable(target, error.stderr, error.message) from error
            if ended.status == 0:
                return
            for each in pinned:
                ended = replace(ended, stderr=each.original(ended.stderr))
            # The far side does not wait forever while we pause for the cameras. What it has of the
            # file is kept aside there, so resuming costs little, and it is no failure.
            if not (ended.paused_s > 0 and ended.status in CONNECTION_LOST):
                # Over ssh, some 3 of 100 such failures say nothing (rsync 3.5), more on a busy
                # machine: the cause is asked for.
                if silent == _SILENT_FAILURES or ended.stderr.strip() or ended.status != FILE_IO:
                    raise self._named(rsync_error(ended, target, near), ended.stderr, night, near)
                silent += 1
            again()

    def _named(self, error: VampdError, stderr: str, night: NightId, near: Near) -> VampdError:
        """The error; where a permission there is the cause, with whose folder refuses whom."""
        cause = find_cause(stderr)
        if cause is None or cause.name is not CauseName.PERMISSION or error.code in _NOT_THERE:
            return error
        if near.is_meant(cause.line):
            return error
        try:
            refused = self.describe_refused(night)
        except VampdError:
            return error
        if refused is None:
            return error
        message = f"{cause.words}: {refused} ({original_words(stderr)})"
        return type(error)(error.code, message, **error.context)

    def _arguments(
        self,
        source: str,
        target: str,
        compare: Compare,
        durability: Durability,
        most_bytes: int | None = None,
        stream: int = 0,
    ) -> list[str]:
        arguments = rsync_arguments(
            source,
            target,
            compare=compare,
            durability=durability,
            timeout_s=self._transfer.timeout_s,
            remote_shell=self._remote_shell(),
            most_bytes=most_bytes,
            stream=stream,
        )
        return [self._transfer.rsync, *arguments]

    def commands(
        self, night: NightId, folder: Path, files: Sequence[str], compare: Compare, pace: Pace
    ) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        for part in self._parts_to_send(folder, files):
            yield self._send_command(night, folder, part, compare, pace), part.names

    def _known_durability(self, pace: Pace) -> Durability:
        if self._durability is None:
            here = run_process(
                [self._transfer.rsync, "--help"],
                pace=pace,
                silent_after_s=self._transfer.timeout_s,
            )
            texts = (here.stdout.decode("utf-8", "replace"), self._ask_rsync(pace))
            fsyncs = all("--fsync" in text for text in texts)
            self._durability = Durability.FSYNC if fsyncs else Durability.DEFAULT
        return self._durability
