"""Properties of the egress rules over generated addresses and URLs, not over examples somebody thought of."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.egress import EgressPolicy, is_forbidden, read_url, vet
from psms.errors import WebhookUrlRefused

POLICY = EgressPolicy()
FORBIDDEN_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4
    240.0.0.0/4
"""
FORBIDDEN_V6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20 fc00::/7 fe80::/10 fec0::/10 ff00::/8"
ISATAP = 0x00005EFE << 32


def addresses_in(networks):
    return st.sampled_from([ip_network(cidr) for cidr in networks.split()]).flatmap(
        lambda network: st.ip_addresses(network=network)
    )


def embeddings(address):
    """Every IPv6 form that some stack or gateway turns back into the IPv4 *address*."""
    v4 = int(address)
    return {
        "v4-compatible": v4,
        "v4-mapped": int(IPv6Address("::ffff:0:0")) + v4,
        "SIIT": int(IPv6Address("::ffff:0:0:0")) + v4,
        "NAT64": int(IPv6Address("64:ff9b::")) + v4,
        "local NAT64": int(IPv6Address("64:ff9b:1::")) + v4,
        "6to4": int(IPv6Address("2002::")) + (v4 << 80),
        "Teredo": int(IPv6Address("2001::")) + (v4 ^ 0xFFFFFFFF),
        "Teredo server": int(IPv6Address("2001::")) + (v4 << 64),
        "ISATAP": int(IPv6Address("fe80::")) + ISATAP + v4,
    }


@given(addresses_in(FORBIDDEN_V4))
def test_every_address_in_a_forbidden_ipv4_network_is_forbidden(address):
    assert is_forbidden(address, POLICY)


@given(addresses_in(FORBIDDEN_V4), st.data())
def test_every_ipv6_form_of_a_forbidden_ipv4_address_is_forbidden(address, data):
    form = data.draw(st.sampled_from(sorted(embeddings(address))))

    assert is_forbidden(IPv6Address(embeddings(address)[form]), POLICY)


@given(addresses_in(FORBIDDEN_V6))
def test_every_address_in_a_forbidden_ipv6_network_is_forbidden(address):
    assert is_forbidden(address, POLICY)


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_outside_the_global_range_is_permitted_unless_it_stands_for_an_ipv4_one(address):
    stands_for_ipv4 = address.ipv4_mapped is not None or address in IPv6Network("64:ff9b::/96")
    outside = address not in IPv6Network("2000::/3")

    assert is_forbidden(address, POLICY) or stands_for_ipv4 or not outside


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_and_its_mapped_form_are_judged_alike(address):
    mapped = IPv6Address(embeddings(address)["v4-mapped"])

    assert is_forbidden(mapped, POLICY) == is_forbidden(address, POLICY)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_and_its_nat64_form_are_judged_alike(address):
    through_nat64 = IPv6Address(embeddings(address)["NAT64"])

    assert is_forbidden(through_nat64, POLICY) == is_forbidden(address, POLICY)


@given(addresses_in(FORBIDDEN_V4), st.lists(addresses_in("8.8.8.0/24 2606:4700::/32"), max_size=3), st.data())
def test_one_forbidden_address_anywhere_in_an_answer_refuses_all_of_it(address, public, data):
    answer = data.draw(st.permutations([*public, address]))

    with pytest.raises(WebhookUrlRefused):
        vet(read_url("https://partner.example/", POLICY), answer, POLICY)


@given(st.ip_addresses(), st.integers(1, 32))
def test_every_address_in_a_denied_network_is_forbidden_and_in_every_form_of_it(address, prefix):
    policy = EgressPolicy(deny=(ip_network(f"{address}/{prefix}", strict=False),))

    assert is_forbidden(address, policy)
    if address.version == 4:
        assert all(is_forbidden(IPv6Address(form), policy) for form in embeddings(address).values())


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_outside_the_list_is_permitted(address):
    listed = any(address in ip_network(cidr) for cidr in FORBIDDEN_V4.split())

    assert is_forbidden(address, POLICY) == listed


@given(addresses_in(FORBIDDEN_V4), st.integers(8, 32))
def test_an_allowed_network_beats_the_forbidden_list(address, prefix):
    network = IPv4Network((int(address), prefix), strict=False)

    assert not is_forbidden(address, EgressPolicy(allow=(network,)))


@given(addresses_in(FORBIDDEN_V4), st.data())
def test_no_spelling_of_a_forbidden_ipv4_address_is_accepted(address, data):
    a, b, c, d = address.packed
    number = int(address)
    spelling = data.draw(
        st.sampled_from(
            [
                str(address),
                f"{address}.",
                str(number),
                hex(number),
                f"0{number:o}",
                f"{a}.{number & 0xFFFFFF}",
                f"{a}.{b}.{number & 0xFFFF}",
                f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
                f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
                f"{a:03}.{b:03}.{c:03}.{d:03}",
                f"[::ffff:{address}]",
                f"[::{address}]",
                f"[64:ff9b::{address}]",
                "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in str(address)),
            ]
        )
    )

    with pytest.raises(WebhookUrlRefused):
        read_url(f"https://{spelling}/", POLICY)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_anything_else(text):
    for url in (text, f"https://{text}", f"https://{text}/", f"https://partner.example/{text}"):
        try:
            target = read_url(url, POLICY)
        except WebhookUrlRefused:
            continue
        assert target.url.isascii()
        assert read_url(target.url, POLICY) == target
