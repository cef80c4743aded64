"""The lines that the doctor asks for where identities or the algorithms of IKE do not fit: what is there is changed."""

from __future__ import annotations

from ipaddress import ip_address

from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.crypto_parameters import End, identity_lines, proposal_lines, transform_lines

IPSEC = "crypto ipsec profile P"


def end(*lines: str, source: str = "172.16.31.1") -> End:
    """A router with these lines, and its tunnel."""
    tunnel = TunnelFacts(
        name="Tunnel0",
        up=True,
        addresses=(),
        source=ip_address(source),
        source_interface="GigabitEthernet1",
        destination=None,
        key=None,
        nhrp=True,
        protection="P",
    )
    return End(RouterFacts(configuration=lines, tunnels=(tunnel,)), tunnel)


PEER = end(IPSEC, source="172.16.11.1")
MATCH = "match identity remote address 172.16.11.1 255.255.255.255"


def test_a_profile_that_is_not_there_is_made_and_used() -> None:
    """The first of the lines to enter was empty."""
    proofs = ("authentication local pre-share", "authentication remote pre-share")
    uses = (IPSEC, "set ikev2-profile <name>")
    without = end(IPSEC, "crypto ikev2 keyring KR")
    assert identity_lines(without, PEER) == ("crypto ikev2 profile <name>", MATCH, *proofs, "keyring local KR", *uses)
    dangling = end(IPSEC, " set ikev2-profile GONE")
    assert identity_lines(dangling, PEER) == ("crypto ikev2 profile GONE", MATCH, *proofs, "keyring local <name>")


def test_of_several_profiles_the_one_that_the_tunnel_uses_is_changed() -> None:
    two = ("crypto ikev2 profile A", "crypto ikev2 profile B")
    assert identity_lines(end(*two, IPSEC, " set ikev2-profile B"), PEER) == ("crypto ikev2 profile B", MATCH)
    assert identity_lines(end(*two, IPSEC), PEER) == (two[0], MATCH, IPSEC, "set ikev2-profile A")
    assert identity_lines(end(two[1], IPSEC), PEER) == (two[1], MATCH)


def test_an_isakmp_profile_stays_one() -> None:
    assert identity_lines(end(IPSEC, " set isakmp-profile OLD"), PEER) == (
        "crypto isakmp profile OLD",
        "match identity address 172.16.11.1 255.255.255.255",
    )


def test_the_identity_is_what_the_other_end_says_and_not_where_it_seems_to_be() -> None:
    profile = ("crypto ikev2 profile A", " identity local email a@example.net", IPSEC)
    assert identity_lines(end("crypto ikev2 profile A", IPSEC), end(*profile))[-1] == (
        "match identity remote email a@example.net"
    )


def test_a_policy_of_the_old_kind_gets_one_more_of_that_kind() -> None:
    old = ("crypto isakmp policy 20", " encryption aes 256", " hash sha256", " group 14")
    new = ("crypto isakmp policy 20", " encryption aes 256", " group 19")
    assert proposal_lines(end("crypto isakmp policy 10", " group 2"), end(*old)) == (
        *("crypto isakmp policy 11", "encryption aes 256", "hash sha256", "group 14"),
    )
    assert proposal_lines(end(), end(*new)) == (*("crypto isakmp policy 10", "encryption aes 256", "group 19"),)


def test_a_policy_for_another_address_is_left_alone() -> None:
    own = ("crypto ikev2 policy LAN", " match address local 10.0.0.1", " proposal X", "crypto ikev2 policy WAN")
    theirs = ("crypto ikev2 proposal T", " group 19", "crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines(end(*own), end(*theirs)) == (
        *("crypto ikev2 proposal T", "group 19", "crypto ikev2 policy WAN", "proposal T"),
    )


def test_what_a_proposal_says_and_the_other_one_does_not_goes() -> None:
    own = ("crypto ikev2 proposal T", " encryption aes-cbc-256", " integrity sha256", " group 19")
    theirs = ("crypto ikev2 proposal T", " encryption aes-gcm-256", " prf sha256", " group 19")
    policy = ("crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines(end(*own, *policy), end(*theirs, *policy)) == (
        *("crypto ikev2 proposal T", "encryption aes-gcm-256", "prf sha256", "group 19", "no integrity"),
    )


def test_a_profile_of_the_other_end_without_a_set_gives_no_line_to_copy() -> None:
    assert transform_lines(end(IPSEC), end(IPSEC)) == (IPSEC, "set transform-set <name>")
