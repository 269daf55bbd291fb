"""Proof that bytes are the right ones: receipts, sums, samples, verdicts."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.proofs.checksums import (
        SUMS_NAME,
        format_sums,
        parse_sums,
        text_bytes,
        text_digest,
    )
    from vampd.model.proofs.destination import (
        MARK_BYTES,
        MARK_PATH,
        ArchiveIdentity,
        DestinationOrigin,
        KnownDestination,
        MovedNight,
        choose_proofs,
        format_mark,
        is_proof,
        parse_mark,
    )
    from vampd.model.proofs.proof import Verification, frames_to_decode
    from vampd.model.proofs.receipt import Digests, Place, Receipt
    from vampd.model.proofs.verification import (
        BAD_LIST,
        CopyVerdict,
        choose_sample,
        expected_digests,
        format_bad_list,
        judge_copy,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "checksums": "format_sums parse_sums SUMS_NAME text_bytes text_digest",
            "destination": (
                "ArchiveIdentity choose_proofs DestinationOrigin format_mark is_proof"
                " KnownDestination MARK_BYTES MARK_PATH MovedNight parse_mark"
            ),
            "proof": "frames_to_decode Verification",
            "receipt": "Digests Place Receipt",
            "verification": (
                "BAD_LIST choose_sample CopyVerdict expected_digests format_bad_list judge_copy"
            ),
        },
    )

__all__ = [
    "BAD_LIST",
    "MARK_BYTES",
    "MARK_PATH",
    "SUMS_NAME",
    "ArchiveIdentity",
    "CopyVerdict",
    "DestinationOrigin",
    "Digests",
    "KnownDestination",
    "MovedNight",
    "Place",
    "Receipt",
    "Verification",
    "choose_proofs",
    "choose_sample",
    "expected_digests",
    "format_bad_list",
    "format_mark",
    "format_sums",
    "frames_to_decode",
    "is_proof",
    "judge_copy",
    "parse_mark",
    "parse_sums",
    "text_bytes",
    "text_digest",
]
