"""Addresses: what they parse to, how they print, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagmesh.errors import AddressError
from dagmesh.model.address import Address

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,5}){0,2}", fullmatch=True)


@given(names, names, st.none() | st.integers(0, 99), st.none() | st.integers(0, 10**6))
def test_what_an_address_prints_it_parses_back_to(domain, product, major, snapshot):
    address = Address(domain, product, major, snapshot)

    assert Address.parse(str(address)) == address


def test_the_asset_key_carries_the_major():
    assert Address.parse("orders.purchase_patterns@2").key == ["orders", "purchase_patterns_v2"]


@pytest.mark.parametrize("text", ["", "orders", "orders.", "Orders.x", "orders.x@", "orders.x@one", "orders.x#", "a.b.c", "orders.x@1 "])
def test_other_text_is_refused(text):
    with pytest.raises(AddressError):
        Address.parse(text)


def test_the_refusal_says_how_an_address_is_written():
    with pytest.raises(AddressError) as refusal:
        Address.parse("purchase patterns")

    assert str(refusal.value) == (
        "'purchase patterns' is not an address; write <domain>.<product>, <domain>.<product>@<major> or "
        "<domain>.<product>@<major>#<snapshot>, for example orders.purchase_patterns@1."
    )
