"""What goes to STARS and the observatory: manifests, mails, status tables."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.delivery.announced import AnnouncedManifest, announced_manifests, find_replaced
    from vampd.model.delivery.damaged import (
        describe_manifest_faults,
        refuse_damaged,
        refuse_listed_without_product,
    )
    from vampd.model.delivery.listed import (
        ListedManifest,
        ListedProduct,
        digests_name,
        find_stale,
        missing_digests,
        needs_digests,
        product_id,
        product_path,
        refuse_stale,
    )
    from vampd.model.delivery.mail_text import (
        DEFAULT_TEMPLATE,
        MailText,
        ManifestText,
        check_template,
        compose_mail,
        compose_text,
        write_mail_text,
    )
    from vampd.model.delivery.mailing import (
        REMADE_UNMAILED,
        Acknowledgement,
        Correspondence,
        Mailing,
        MailOutcome,
        MailState,
        ManifestFile,
        Way,
        append_note,
        complete_note,
        note_name,
        noted_mailings,
    )
    from vampd.model.delivery.manifest import (
        DigestColumn,
        LineEnd,
        Manifest,
        ManifestForm,
        ManifestLine,
        Style,
        combine_manifests,
        format_manifest,
        manifest_name,
        parse_manifest,
        supplement_number,
    )
    from vampd.model.delivery.remade import RemadeProduct, describe_remade, find_remade
    from vampd.model.delivery.spans import name_spans
    from vampd.model.delivery.status_table import merge_rows
else:
    __getattr__ = show(
        __name__,
        {
            "listed": (
                "digests_name find_stale ListedManifest ListedProduct missing_digests "
                "needs_digests product_id product_path refuse_stale"
            ),
            "mail_text": (
                "check_template compose_mail compose_text DEFAULT_TEMPLATE MailText "
                "ManifestText write_mail_text"
            ),
            "mailing": (
                "Acknowledgement append_note complete_note Correspondence Mailing MailOutcome "
                "MailState ManifestFile note_name noted_mailings REMADE_UNMAILED Way"
            ),
            "manifest": (
                "combine_manifests DigestColumn format_manifest LineEnd Manifest "
                "manifest_name ManifestForm ManifestLine parse_manifest Style "
                "supplement_number"
            ),
            "remade": "describe_remade find_remade RemadeProduct",
            "spans": "name_spans",
            "status_table": "merge_rows",
            "announced": "announced_manifests AnnouncedManifest find_replaced",
            "damaged": "describe_manifest_faults refuse_damaged refuse_listed_without_product",
        },
    )

__all__ = [
    "DEFAULT_TEMPLATE",
    "REMADE_UNMAILED",
    "Acknowledgement",
    "AnnouncedManifest",
    "Correspondence",
    "DigestColumn",
    "LineEnd",
    "ListedManifest",
    "ListedProduct",
    "MailOutcome",
    "MailState",
    "MailText",
    "Mailing",
    "Manifest",
    "ManifestFile",
    "ManifestForm",
    "ManifestLine",
    "ManifestText",
    "RemadeProduct",
    "Style",
    "Way",
    "announced_manifests",
    "append_note",
    "check_template",
    "combine_manifests",
    "complete_note",
    "compose_mail",
    "compose_text",
    "describe_manifest_faults",
    "describe_remade",
    "digests_name",
    "find_remade",
    "find_replaced",
    "find_stale",
    "format_manifest",
    "manifest_name",
    "merge_rows",
    "missing_digests",
    "name_spans",
    "needs_digests",
    "note_name",
    "noted_mailings",
    "parse_manifest",
    "product_id",
    "product_path",
    "refuse_damaged",
    "refuse_listed_without_product",
    "refuse_stale",
    "supplement_number",
    "write_mail_text",
]
