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
    from vampd.model.proofs.damage import (
        damage_error,
        describe_faults,
        disagreement_error,
        find_damaged,
        find_missing,
        loss_error,
        refuse_twins,
        unproven_error,
    )
    from vampd.model.proofs.destination import (
        ArchiveIdentity,
        DestinationOrigin,
        KnownDestination,
        MovedNight,
        choose_proofs,
        is_proof,
    )
    from vampd.model.proofs.folder_receipts import (
        NamedProduct,
        refuse_contradicted,
        unread_claims,
    )
    from vampd.model.proofs.mark import (
        LONGEST_MARK,
        MARK_BYTES,
        MARK_PATH,
        Marked,
        format_mark,
        parse_mark,
    )
    from vampd.model.proofs.old_products import (
        OldProduct,
        format_old_products,
        parse_old_products,
    )
    from vampd.model.proofs.packing_receipt import (
        FIRST_FORM,
        PRODUCT_FORM,
        READABLE_FORM,
        REASONS_PATH,
        RECEIPTS_PATH,
        WRITTEN_FORMS,
        PackingReceipt,
        RecordedReceipt,
        aside_receipts,
        ended_receipts,
        find_twins,
        format_receipts,
        is_set_aside,
        live_receipts,
        own_receipts,
        parse_receipts,
        refuse_other_form,
        refuse_other_receipt,
        refuse_renewal,
    )
    from vampd.model.proofs.proof import Verification, frames_to_decode
    from vampd.model.proofs.purged_file import PurgedFile
    from vampd.model.proofs.receipt import Digests, Place, Receipt
    from vampd.model.proofs.root import KnownRoot
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
            "damage": (
                "damage_error describe_faults disagreement_error find_damaged find_missing"
                " loss_error refuse_twins unproven_error"
            ),
            "old_products": "format_old_products OldProduct parse_old_products",
            "packing_receipt": (
                "aside_receipts ended_receipts find_twins FIRST_FORM format_receipts is_set_aside"
                " live_receipts own_receipts PackingReceipt parse_receipts PRODUCT_FORM"
                " READABLE_FORM"
                " REASONS_PATH RECEIPTS_PATH RecordedReceipt refuse_other_form"
                " refuse_other_receipt refuse_renewal WRITTEN_FORMS"
            ),
            "destination": (
                "ArchiveIdentity choose_proofs DestinationOrigin is_proof KnownDestination"
                " MovedNight"
            ),
            "folder_receipts": "NamedProduct refuse_contradicted unread_claims",
            "mark": "format_mark LONGEST_MARK MARK_BYTES MARK_PATH Marked parse_mark",
            "proof": "frames_to_decode Verification",
            "purged_file": "PurgedFile",
            "receipt": "Digests Place Receipt",
            "root": "KnownRoot",
            "verification": (
                "BAD_LIST choose_sample CopyVerdict expected_digests format_bad_list judge_copy"
            ),
        },
    )

__all__ = [
    "BAD_LIST",
    "FIRST_FORM",
    "LONGEST_MARK",
    "MARK_BYTES",
    "MARK_PATH",
    "PRODUCT_FORM",
    "READABLE_FORM",
    "REASONS_PATH",
    "RECEIPTS_PATH",
    "SUMS_NAME",
    "WRITTEN_FORMS",
    "ArchiveIdentity",
    "CopyVerdict",
    "DestinationOrigin",
    "Digests",
    "KnownDestination",
    "KnownRoot",
    "Marked",
    "MovedNight",
    "NamedProduct",
    "OldProduct",
    "PackingReceipt",
    "Place",
    "PurgedFile",
    "Receipt",
    "RecordedReceipt",
    "Verification",
    "aside_receipts",
    "choose_proofs",
    "choose_sample",
    "damage_error",
    "describe_faults",
    "disagreement_error",
    "ended_receipts",
    "expected_digests",
    "find_damaged",
    "find_missing",
    "find_twins",
    "format_bad_list",
    "format_mark",
    "format_old_products",
    "format_receipts",
    "format_sums",
    "frames_to_decode",
    "is_proof",
    "is_set_aside",
    "judge_copy",
    "live_receipts",
    "loss_error",
    "own_receipts",
    "parse_mark",
    "parse_old_products",
    "parse_receipts",
    "parse_sums",
    "refuse_contradicted",
    "refuse_other_form",
    "refuse_other_receipt",
    "refuse_renewal",
    "refuse_twins",
    "text_bytes",
    "text_digest",
    "unproven_error",
    "unread_claims",
]
