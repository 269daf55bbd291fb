"""What runs inside a worker process: one action at a time, without the store.

A worker dies with the daemon that wants its work, so that a killed daemon leaves no writer.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vampd.disk.failpoint import failpoint
from vampd.disk.pace import SharedPace
from vampd.disk.reading import hash_file, open_unlinked, read_to_end
from vampd.disk.rights import PUBLIC_UMASK
from vampd.disk.shared import SharedMeter
from vampd.errors import DataError, TransientError
from vampd.fits.products import pack_cube, prove_old_product
from vampd.model.crew import Packed, PackOrder
from vampd.model.cubes import Framelist, form_of, format_sidecar, parse_framelist
from vampd.model.nights import FileStamp
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    Receipt,
    refuse_other_form,
    text_bytes,
    text_digest,
)
from vampd.ports import Pace

_PR_SET_PDEATHSIG = 1
# What keeps a link or a disk at work needs little of a core, and at once: it goes before packing.
_NICENESS = 5


@dataclass(frozen=True)
class TakenOver:
    """Readings of a product of the old tools and of its sidecar, and what they are for good."""

    readings: tuple[Receipt, ...]
    receipts: tuple[PackingReceipt, ...]


def initialize_worker(daemon_pid: int) -> None:
    """End this process with the daemon and with its parent, and leave signals to the daemon.

    The parent is the fork server, which lives as long as any of its workers does: only a pidfd
    shows the daemon's own end. What it makes, the owner writes and everyone reads.
    """
    try:
        daemon_fd = os.pidfd_open(daemon_pid)
    except ProcessLookupError:
        os._exit(1)
    threading.Thread(target=_end_with, args=(daemon_fd,), daemon=True).start()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    os.umask(PUBLIC_UMASK)
    os.nice(_NICENESS)
    # A terminal's Ctrl-C reaches the whole group; the daemon decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_with(process_fd: int) -> None:
    select.select([process_fd], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def pack_framelist(order: PackOrder, pace: Pace, meter: SharedMeter) -> Packed:
    """Pack one framelist of a night into its product and sidecar; see `pack_cube`.

    The framelist is locked meanwhile: it waits for a worker that is being killed, so that two
    never write one product. FileNotFoundError if it is gone, also if it went while it waited;
    TransientError ``worker_framelist`` if it is not the one of the order.
    """
    path = order.folder / order.framelist
    with _locked(path) as file:
        meter.begin()
        content = read_to_end(file, path)
        wanted = order.framelist_sha256
        if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
            raise TransientError(
                "worker_framelist",
                f"{order.framelist} is not the one of the order where it was to be packed: it has"
                " changed since, or that host sees an older one",
            )
        text = content.decode("utf-8", "surrogateescape")
        try:
            framelist = parse_framelist(text)
        except DataError as error:
            raise DataError(error.code, f"{order.framelist}: {error.message}") from error
        refuse_other_form(form_of(framelist.cards), order.framelist)
        reading = pack_cube(
            framelist,
            order.folder,
            order.folder / framelist.packed_path,
            order.folder / framelist.sidecar_path,
            order.verify,
            pace,
            meter,
            order.proven,
        )
    return Packed(reading, _receipts(framelist, reading))


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """A file that stands under its name while it is locked."""
    while True:
        # For writing: NFS locks nothing else.
        with open(open_unlinked(path, os.O_RDWR), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who held it may have replaced or retired it.
            if os.path.samestat(os.fstat(file.fileno()), os.lstat(path)):
                yield file
                return


def take_over(night_folder: Path, packed_path: str, pace: SharedPace) -> TakenOver:
    """Prove a product of the old tools, and read it with its sidecar; see `prove_old_product`."""
    prove_old_product(night_folder / packed_path, pace)
    failpoint("worker.product.proven")
    read = []
    for path in (packed_path, f"{packed_path.removesuffix('.fits.fz')}.txt"):
        size, mtime_ns, sha256 = hash_file(night_folder / path, pace)
        read.append(Receipt(Place.HERE, FileStamp(path, size, mtime_ns), sha256, time.time()))
    receipts = [PackingReceipt(each.path, each.file.size, each.sha256, None) for each in read]
    return TakenOver(tuple(read), tuple(receipts))


def _receipts(framelist: Framelist, reading: Receipt) -> tuple[PackingReceipt, PackingReceipt]:
    sidecar, form = format_sidecar(framelist), form_of(framelist.cards)
    size, digest = len(text_bytes(sidecar)), text_digest(sidecar)
    return (
        PackingReceipt(reading.path, reading.file.size, reading.sha256, framelist.identity, form),
        PackingReceipt(framelist.sidecar_path, size, digest, None, form),
    )
