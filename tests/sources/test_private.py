"""URLs that come from data lead to public addresses only, however these are spelled and whatever a name says later."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyreqwest.http import Url

from sources.private import Guard, PrivateAddress, is_public, literal, resolve

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1"),
    *("64:ff9b::169.254.169.254", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1"),
    *("::ffff:8.8.8.8", "::8.8.8.8"),  # no client needs these forms
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"]
NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
PRIVATE_V4 = st.one_of(*(st.ip_addresses(v=4, network=network) for network in NETWORKS))


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_of_a_network_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(PRIVATE_V4)
def test_no_form_of_ipv6_makes_a_private_address_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for form in (
        number,
        0xFFFF << 32 | number,
        int(ipaddress.IPv6Address("64:ff9b::")) | number,
        0x2002 << 112 | number << 80,
        0x2002 << 112 | number << 80 | 1,
    ):
        assert not is_public(ipaddress.IPv6Address(form))


def spelled(octet: int, base: str) -> str:
    return {"decimal": f"{octet}", "octal": f"0{octet:o}", "hex": f"0x{octet:x}", "long": f"0x{octet:08X}"}[base]


@given(
    PRIVATE_V4,
    st.integers(1, 4),
    st.lists(st.sampled_from(["decimal", "octal", "hex", "long"]), min_size=4, max_size=4),
    st.booleans(),
)
def test_a_private_address_is_found_in_every_spelling(
    address: ipaddress.IPv4Address, parts: int, bases: list[str], dot: bool
) -> None:
    octets = list(address.packed[: parts - 1])
    numbers = [*octets, int.from_bytes(address.packed[parts - 1 :], "big")]
    host = ".".join(spelled(number, base) for number, base in zip(numbers, bases, strict=False)) + "." * dot
    assert literal(host) == address
    with pytest.raises(PrivateAddress):
        Guard().check(f"https://{host}/x")


@given(st.from_regex(r"(0x[0-9a-fA-F]{0,9}|[0-9]{1,11})(\.(0x[0-9a-fA-F]{0,9}|[0-9]{1,11})){0,4}\.?", fullmatch=True))
def test_numbers_are_read_as_the_client_reads_them_that_connects(host: str) -> None:
    try:
        found = literal(host)
    except PrivateAddress:
        return  # refused, whatever the client takes it for
    assert str(found) == Url(f"http://{host}/").host_str


@pytest.mark.parametrize(
    "host", ["256.1.1.1", "1.2.3.4.5", "0x7g.1", "08.1.1.1", "a.1", "a.0x7f", "99999999999", "1..2"]
)
def test_what_ends_like_a_number_and_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(PrivateAddress, match="is not an address"):
        literal(host)


@pytest.mark.parametrize(
    "host", ["", "a b", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0.0.1", "a/b", "[::1]", "exämple", "::1::2"]
)
def test_what_clients_read_differently_is_refused(host: str) -> None:
    with pytest.raises(PrivateAddress):
        literal(host)


@pytest.mark.parametrize("host", ["shop.example", "a-b.example.", "x_y.example", "xn--bcher-kva.example", "1.2.3.4a"])
def test_a_name_is_a_name(host: str) -> None:
    assert literal(host) is None


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://LOCALHOST.:80", "https://a.localhost/x", "http://", "http://[::1"]
)
def test_this_machine_by_its_name_is_refused_without_asking(url: str) -> None:
    with pytest.raises(PrivateAddress):
        Guard().check(url)


def guard(*found: str, trusted: tuple[str, ...] = ()) -> Guard:
    async def resolving(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return list(found)

    asked: list[tuple[str, int]] = []
    return Guard(trusted, resolving)


async def test_a_name_at_public_addresses_leads_to_the_first_of_them() -> None:
    assert await guard("8.8.8.8", "2606:4700::1111").place("https://shop.example/x") == "8.8.8.8"
    assert await guard().place("https://8.8.4.4/x") == "8.8.4.4"
    assert await guard().place("https://[2606:4700::1111]:8443/x") == "2606:4700::1111"


@pytest.mark.parametrize("found", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::ffff:127.0.0.1",), ("fe80::1%2",)])
async def test_a_name_with_one_address_inside_leads_nowhere(found: tuple[str, ...]) -> None:
    with pytest.raises(PrivateAddress, match=r"^'shop.example' is at an address that is not public$"):
        await guard(*found).place("https://shop.example/x")


async def test_a_name_without_addresses_is_not_there() -> None:
    with pytest.raises(OSError, match="has no address"):
        await guard().place("https://shop.example/x")


async def test_hosts_that_the_author_named_may_be_anywhere() -> None:
    trusting = guard("10.0.0.1", trusted=("Shop.Example",))
    assert await trusting.place("http://shop.example:8080/x") is None
    assert await trusting.but("http://10.0.0.9/x").place("http://10.0.0.9:1/y") is None
    trusting.check("http://shop.example")
    for url in (
        "http://10.0.0.9",
        "http://evil.example",
        "http://shop.example.evil.example",
        "http://shop.example@evil.example",
    ):
        with pytest.raises(PrivateAddress):
            await trusting.place(url)


async def test_names_are_resolved_as_this_machine_does() -> None:
    found = await resolve("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert found
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid", 80)
