"""The rules of egress, URL by URL and address by address; nothing is looked up or connected to here."""

from ipaddress import ip_address, ip_network

import pytest

from psms.domain.egress import EgressPolicy, is_forbidden, parse_policy, read_url, vet
from psms.errors import Misconfigured, WebhookUrlRefused
from tests.support.hostile_urls import REFUSED_BY_READING, REFUSED_BY_THEIR_ADDRESSES

PRODUCTION = EgressPolicy()
DEVELOPMENT = parse_policy("127.0.0.0/8,::1/128")
PUBLIC = ip_address("93.184.216.34")


@pytest.mark.parametrize("url", REFUSED_BY_READING)
def test_a48_a_hostile_url_is_refused_without_a_look_up(url):
    with pytest.raises(WebhookUrlRefused):
        read_url(url, PRODUCTION)


@pytest.mark.parametrize(("url", "addresses"), REFUSED_BY_THEIR_ADDRESSES)
def test_a_public_name_with_a_forbidden_address_is_refused(url, addresses):
    target = read_url(url, PRODUCTION)
    with pytest.raises(WebhookUrlRefused):
        vet(target, addresses, PRODUCTION)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
        ("https://[2001:4860:4860::8888]/hook", "https://[2001:4860:4860::8888]/hook"),
        ("https://[2001:4860:4860:0:0:0:0:8888]:8443", "https://[2001:4860:4860::8888]:8443/"),
        ("https://[64:ff9b::808:808]/", "https://[64:ff9b::808:808]/"),
        ("HTTPS://Partner.Example:443", "https://partner.example/"),
        ("https://partner.example:/a", "https://partner.example/a"),
        ("https://partner.example?a=b/c", "https://partner.example/?a=b/c"),
        ("https://partner.example/a%2Fb?x=1&y=%20", "https://partner.example/a%2Fb?x=1&y=%20"),
        ("https://partner.example//a/../b", "https://partner.example//a/../b"),
        ("https://partner.example/ü?q={x}", "https://partner.example/%C3%BC?q=%7Bx%7D"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://xn--strae-oqa.example/", "https://xn--strae-oqa.example/"),
        ("https://under_score.partner.example/", "https://under_score.partner.example/"),
        ("https://3com.example/", "https://3com.example/"),
        ("https://partner.example:1024/", "https://partner.example:1024/"),
        ("https://partner.example:65535/", "https://partner.example:65535/"),
    ],
)
def test_a_public_url_is_accepted_in_its_canonical_form(url, canonical):
    assert read_url(url, PRODUCTION).url == canonical


def test_a_mapped_public_address_is_accepted():
    assert read_url("https://[::ffff:8.8.8.8]/", PRODUCTION).literal == ip_address("::ffff:8.8.8.8")


def test_every_part_of_a_url_is_read_once():
    target = read_url("https://[2001:4860:4860::8888]:8443/a?b=c", PRODUCTION)

    assert (target.scheme, target.host, target.port) == ("https", "2001:4860:4860::8888", 8443)
    assert target.literal == ip_address("2001:4860:4860::8888")
    assert target.authority == "[2001:4860:4860::8888]:8443"
    assert target.path == "/a?b=c"


def test_a_url_of_2048_characters_is_accepted_and_one_more_is_not():
    url = "https://partner.example/" + "a" * (2048 - len("https://partner.example/"))

    assert read_url(url, PRODUCTION).url == url
    with pytest.raises(WebhookUrlRefused, match="2048"):
        read_url(url + "a", PRODUCTION)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000/", "https://127.0.0.2/", "http://[::1]:9000/", "http://[::ffff:127.0.0.1]/"],
)
def test_an_allowed_address_may_be_called_over_plain_http_too(url):
    assert read_url(url, DEVELOPMENT).literal is not None


@pytest.mark.parametrize("url", ["http://8.8.8.8/", "http://10.0.0.1/", "https://10.0.0.1/"])
def test_what_is_allowed_opens_nothing_else(url):
    with pytest.raises(WebhookUrlRefused):
        read_url(url, DEVELOPMENT)


@pytest.mark.parametrize("name", ["localhost", "receiver", "hook.internal", "a.svc.cluster.local"])
def test_an_internal_name_is_fit_only_for_allowed_addresses(name):
    target = read_url(f"http://{name}:9000/", DEVELOPMENT)

    assert vet(target, [ip_address("127.0.0.1"), ip_address("::1")], DEVELOPMENT) == (
        ip_address("127.0.0.1"),
        ip_address("::1"),
    )
    with pytest.raises(WebhookUrlRefused, match="plain HTTP"):
        vet(target, [ip_address("127.0.0.1"), PUBLIC], DEVELOPMENT)
    with pytest.raises(WebhookUrlRefused, match="internal name"):
        vet(read_url(f"https://{name}/", DEVELOPMENT), [PUBLIC], DEVELOPMENT)


def test_plain_http_to_public_hosts_needs_the_operators_leave():
    policy = parse_policy("", plain_http=True)

    assert read_url("http://partner.example/", policy).port == 80
    assert read_url("http://8.8.8.8:8080/", policy).port == 8080
    with pytest.raises(WebhookUrlRefused, match="plain HTTP"):
        read_url("http://partner.example/", PRODUCTION)
    with pytest.raises(WebhookUrlRefused, match="internal name"):
        read_url("http://localhost/", policy)
    with pytest.raises(WebhookUrlRefused, match="443"):
        read_url("https://partner.example:80/", policy)


@pytest.mark.parametrize("port", [5432, 6379, 2375, 11211, 27017])
def test_the_ports_of_other_servers_are_refused_on_allowed_addresses_too(port):
    with pytest.raises(WebhookUrlRefused, match=str(port)):
        read_url(f"http://127.0.0.1:{port}/", DEVELOPMENT)


def test_one_forbidden_address_among_public_ones_refuses_them_all():
    target = read_url("https://partner.example/", PRODUCTION)

    assert vet(target, [PUBLIC], PRODUCTION) == (PUBLIC,)
    with pytest.raises(WebhookUrlRefused) as refusal:
        vet(target, [PUBLIC, ip_address("10.0.0.7")], PRODUCTION)
    assert "10.0.0.7" not in refusal.value.detail


def test_a_name_without_an_address_is_refused():
    with pytest.raises(WebhookUrlRefused, match="no address"):
        vet(read_url("https://partner.example/", PRODUCTION), [], PRODUCTION)


def test_an_embedded_address_is_judged_as_itself_even_if_everything_in_ipv6_is_allowed():
    policy = EgressPolicy(allow=(ip_network("::/0"),))

    assert is_forbidden(ip_address("::ffff:10.0.0.1"), policy)
    assert is_forbidden(ip_address("64:ff9b::a00:1"), policy)
    assert not is_forbidden(ip_address("fd00::1"), policy)


def test_a_policy_is_read_from_networks_and_addresses():
    policy = parse_policy(" 10.1.0.0/16, fd00::/8 ,192.168.1.5,")

    assert policy.allow == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"), ip_network("192.168.1.5/32"))
    assert parse_policy("") == EgressPolicy()


@pytest.mark.parametrize("entry", ["10.1.0.0/33", "10.1.0.1/16", "localhost", "10.1.0.0/16 10.2.0.0/16"])
def test_a_policy_that_cannot_be_read_names_the_entry_and_what_to_write(entry):
    with pytest.raises(Misconfigured, match="PSMS_EGRESS_ALLOW") as refusal:
        parse_policy(f"127.0.0.0/8,{entry}")
    assert entry in refusal.value.detail
    assert "10.1.0.0/16" in refusal.value.detail


def test_what_the_operator_denies_is_refused_although_it_is_public():
    policy = parse_policy("", "93.184.216.0/24, 2606:2800::/32")
    target = read_url("https://partner.example/", policy)

    for address in ("93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2606:2800:220:1::1"):
        with pytest.raises(WebhookUrlRefused, match="not public"):
            vet(target, [ip_address(address)], policy)
    assert vet(target, [ip_address("8.8.8.8")], policy) == (ip_address("8.8.8.8"),)


@pytest.mark.parametrize(
    ("allow", "deny", "address", "forbidden"),
    [
        ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", True),
        ("10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", False),
        ("10.1.2.0/24", "10.1.0.0/16", "10.1.2.3", False),
        ("10.1.0.0/16", "10.1.0.0/16", "10.1.2.3", True),
        ("10.0.0.0/8", "0.0.0.0/0", "10.1.2.3", False),
        ("10.0.0.0/8", "0.0.0.0/0", "8.8.8.8", True),
    ],
)
def test_of_an_allowed_and_a_denied_network_the_narrower_counts(allow, deny, address, forbidden):
    assert is_forbidden(ip_address(address), parse_policy(allow, deny)) is forbidden


def test_the_denied_networks_are_read_as_the_allowed_ones_are():
    with pytest.raises(Misconfigured, match="PSMS_EGRESS_DENY has 'mine'"):
        parse_policy("", "mine")


@pytest.mark.parametrize(
    ("own", "url"),
    [
        ("https://desk.example.com", "https://desk.example.com/hook"),
        ("https://Desk.Example.com/", "https://DESK.example.com:8443/"),
        ("https://8.8.4.4:8000", "https://8.8.4.4/"),
        ("https://[2001:4860:4860::8844]", "https://[2001:4860:4860:0::8844]/"),
        ("https://[2001:4860:4860:0::8844]", "https://[2001:4860:4860::8844]/"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example/"),
        ("https://desk.example.com.", "https://desk.example.com/"),
    ],
)
def test_the_installations_own_host_is_refused_wherever_it_points(own, url):
    policy = parse_policy("", public_url=own)
    with pytest.raises(WebhookUrlRefused, match="loop"):
        read_url(url, policy)

    assert read_url("https://partner.example.com/", policy).host == "partner.example.com"


def test_the_installations_own_host_may_be_called_where_its_addresses_are_allowed():
    policy = parse_policy("10.0.0.0/8", public_url="https://desk.example.com")
    target = read_url("https://desk.example.com/hook", policy)

    assert vet(target, [ip_address("10.0.0.5")], policy) == (ip_address("10.0.0.5"),)
    with pytest.raises(WebhookUrlRefused, match="loop"):
        vet(target, [PUBLIC], policy)
