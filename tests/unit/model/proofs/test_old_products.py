"""The listing of the old tools' products is read as it was written, or refused."""

import pytest

from vampd.errors import DataError
from vampd.model.proofs import OldProduct, format_old_products, parse_old_products


def test_what_is_written_is_read_again():
    found = {
        "VMPA00000002": OldProduct.PLAIN,
        "VMPA00000001": OldProduct.PACKED,
        "with\ttab": OldProduct.PACKED,
        "VMPA00000003": OldProduct.LOST,
    }
    text = format_old_products(found)
    assert text.splitlines()[:2] == ["product\tfound", "VMPA00000001\tpacked"]
    assert parse_old_products(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "product\tfound\nVMPA1\n", "product\tfound\nVMPA1\tgone\n", "product\n", "a\tpacked\n"],
)
def test_a_listing_of_anything_else_is_refused(text):
    with pytest.raises(DataError) as refused:
        parse_old_products(text)
    assert refused.value.code == "old_products_damaged"
