"""The lines that let IKE of two ends agree, on identities and algorithms: those that are there are changed."""

from __future__ import annotations

import pytest

from dmvpn.network.device import Device
from dmvpn.network.overlay import EndPair, tunnel_ends
from dmvpn.network.terms.ike import IDENTITY, IKE, METHOD, PROPOSALS, VERSION

PROFILE = (
    *("crypto ikev2 profile P", " match identity remote address 0.0.0.0", " authentication local pre-share"),
    *(" authentication remote pre-share", " keyring local KR"),
)
KEYS = ("crypto ikev2 keyring KR", " peer ANY", "  address 0.0.0.0 0.0.0.0", "  pre-shared-key key-of-tests")
OLD_KEY = "crypto isakmp key key-of-tests address 0.0.0.0"
MATCH = "match identity remote address 172.16.11.1 255.255.255.255"


def device(*lines: str, source: str) -> Device:
    """A router with these lines, and with a tunnel that is protected."""
    tunnel = (
        *("crypto ipsec transform-set TS esp-gcm 256", "crypto ipsec profile IPSEC", " set transform-set TS"),
        *("interface GigabitEthernet1", f" ip address {source} 255.255.255.0"),
        *("interface Tunnel0", " ip address 10.0.0.1 255.255.255.0", " tunnel source GigabitEthernet1"),
        *(" tunnel mode gre multipoint", " tunnel protection ipsec profile IPSEC"),
    )
    return Device.read("R.cfg", "\n".join((*lines, *tunnel)))


def pair(client: tuple[str, ...], server: tuple[str, ...]) -> EndPair:
    here, there = device(*client, source="172.16.31.1"), device(*server, source="172.16.11.1")
    return EndPair(next(tunnel_ends(here)), next(tunnel_ends(there)), nhrp=True)


def proposal_lines(client: tuple[str, ...], server: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that let the client agree."""
    here, there = IKE.views(pair(client, server))
    assert here is not None
    assert there is not None
    return PROPOSALS.fix(here, there)


def failures(client: tuple[str, ...], server: tuple[str, ...]) -> list[tuple[object, bool, tuple[str, ...]]]:
    """Return which duties fail, whether the server is to change, and the lines."""
    return [(one.duty, one.of_server, one.fix) for one in IKE.failures(pair(client, server))]


def without(line: str) -> tuple[str, ...]:
    return tuple(one for one in (*KEYS, *PROFILE) if line not in one)


def test_two_ends_that_take_each_other_have_nothing_to_change() -> None:
    assert failures((*KEYS, *PROFILE), (*KEYS, *PROFILE)) == []


def test_of_several_profiles_the_one_that_the_tunnel_uses_takes_the_identity() -> None:
    other = ("crypto ikev2 profile OTHER", " match identity remote key-id x", "crypto ipsec profile IPSEC")
    server = (*without("match identity"), " match identity remote key-id x", *other, " set ikev2-profile P")
    lines = "crypto ikev2 profile P", "match identity remote address 0.0.0.0"
    assert failures((*KEYS, *PROFILE), server) == [(IDENTITY, True, lines)]


@pytest.mark.parametrize(
    ("own", "match"),
    [
        ("identity local email a@example.net", "match identity remote email a@example.net"),
        ("identity local address 192.0.2.9", "match identity remote address 192.0.2.9 255.255.255.255"),
    ],
)
def test_the_identity_is_what_the_other_end_says_and_not_where_it_seems_to_be(own: str, match: str) -> None:
    server = (*without("match identity"), " match identity remote key-id x")
    assert failures((*KEYS, *PROFILE, f" {own}"), server) == [(IDENTITY, True, ("crypto ikev2 profile P", match))]


def test_a_client_takes_the_identity_of_its_server_too() -> None:
    client = (*without("match identity"), " match identity remote address 192.0.2.1 255.255.255.255")
    server = (*KEYS, *PROFILE, " identity local fqdn hub.example.net")
    lines = "crypto ikev2 profile P", "match identity remote fqdn hub.example.net"
    assert failures(client, server) == [(IDENTITY, False, lines)]


def test_an_isakmp_profile_stays_one() -> None:
    old = (OLD_KEY, "crypto isakmp profile OLD", " match identity address 192.0.2.1 255.255.255.255")
    server = (*old, "crypto ipsec profile IPSEC", " set isakmp-profile OLD")
    lines = "crypto isakmp profile OLD", "match identity address 172.16.31.1 255.255.255.255"
    assert failures((OLD_KEY,), server) == [(IDENTITY, True, lines)]


def test_a_server_without_lines_of_ikev1_is_not_the_one_to_change() -> None:
    assert failures((OLD_KEY,), (*KEYS, *PROFILE)) == [(VERSION, False, ("crypto isakmp run-as ikev2",))]


def test_a_method_that_the_other_end_does_not_accept_is_added_there() -> None:
    server = tuple(line.replace("remote pre-share", "remote rsa-sig") for line in (*KEYS, *PROFILE))
    lines = "crypto ikev2 profile P", "authentication remote pre-share"
    assert failures((*KEYS, *PROFILE), server) == [(METHOD, True, lines)]


def test_a_policy_of_the_old_kind_gets_one_more_of_that_kind() -> None:
    old = (OLD_KEY, "crypto isakmp policy 20", " encryption aes 256", " hash sha256", " group 14")
    new = (OLD_KEY, "crypto isakmp policy 20", " encryption aes 256", " group 19")
    assert proposal_lines((OLD_KEY, "crypto isakmp policy 10", " group 2"), old) == (
        *("crypto isakmp policy 11", "encryption aes 256", "hash sha256", "group 14"),
    )
    assert proposal_lines((OLD_KEY,), new) == (*("crypto isakmp policy 10", "encryption aes 256", "group 19"),)


def test_a_policy_for_another_address_is_left_alone() -> None:
    own = (
        *("crypto ikev2 proposal X", " group 20", "crypto ikev2 policy LAN", " match address local 10.0.0.1"),
        *(" proposal X", "crypto ikev2 policy WAN", " proposal X"),
    )
    theirs = ("crypto ikev2 proposal T", " group 19", "crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines((*KEYS, *PROFILE, *own), (*KEYS, *PROFILE, *theirs)) == (
        *("crypto ikev2 proposal T", "group 19", "crypto ikev2 policy WAN", "proposal T"),
    )


def test_what_a_proposal_says_and_the_other_one_does_not_goes() -> None:
    own = ("crypto ikev2 proposal T", " encryption aes-cbc-256", " integrity sha256", " group 19")
    theirs = ("crypto ikev2 proposal T", " encryption aes-gcm-256", " prf sha256", " group 19")
    policy = ("crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines((*KEYS, *PROFILE, *own, *policy), (*KEYS, *PROFILE, *theirs, *policy)) == (
        *("crypto ikev2 proposal T", "encryption aes-gcm-256", "prf sha256", "group 19", "no integrity"),
    )
