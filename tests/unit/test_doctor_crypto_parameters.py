"""The lines that the doctor asks for where identities or the algorithms of IKE do not fit: what is there is changed."""

from __future__ import annotations

from ipaddress import ip_address

from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.crypto_parameters import End, transform_lines

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


def test_a_profile_of_the_other_end_without_a_set_gives_no_line_to_copy() -> None:
    assert transform_lines(end(IPSEC), end(IPSEC)) == (IPSEC, "set transform-set <name>")
