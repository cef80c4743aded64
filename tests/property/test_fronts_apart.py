"""Whatever there is in one front door, IPsec decides and finds in another one what it would without it."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.notices import TunnelState
from dmvpn.base.protection import policies_for
from dmvpn.features.ipsec.associations import Associations
from dmvpn.features.ipsec.decisions import decide, policies_of
from dmvpn.features.ipsec.model import IpsecConfig, IpsecProfile
from support.protection import connection, negotiated

FRONTS = ["", "A", "B"]
OURS = [IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")]
PEERS = [IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2")]
CONFIG = IpsecConfig(profiles=(IpsecProfile(name="P"), IpsecProfile(name="Q")))
fronts, ours, peers = st.sampled_from(FRONTS), st.sampled_from(OURS), st.sampled_from(PEERS)


@st.composite
def tunnels(draw: st.DrawFn) -> list[TunnelState]:
    """Draw tunnels with few sources, so that many have the same."""
    return [
        TunnelState(
            name=f"Tunnel{number}",
            multipoint=destination is None,
            source=draw(ours),
            source_interface="",
            destination=destination,
            key=None,
            transport_mtu=1500,
            up=True,
            protection=draw(st.sampled_from(["P", "Q", "MISSING", ""])),
            front=draw(fronts),
        )
        for number, destination in enumerate(draw(st.lists(st.none() | peers, max_size=8)))
    ]


@given(every=tunnels())
def test_a_tunnel_is_protected_as_if_there_were_no_other_front_door(every: list[TunnelState]) -> None:
    apart = [decide([tunnel for tunnel in every if tunnel.front == front], CONFIG) for front in FRONTS]
    assert decide(every, CONFIG) == {name: decision for each in apart for name, decision in each.items()}


@given(every=tunnels(), front=fronts, local=ours, remote=peers)
def test_ike_negotiates_in_a_front_door_by_the_policies_of_its_tunnels(
    every: list[TunnelState], front: str, local: IPv4Address, remote: IPv4Address
) -> None:
    ends = OuterAddress(local, front), remote
    alone = policies_of(decide([tunnel for tunnel in every if tunnel.front == front], CONFIG))
    assert policies_for(policies_of(decide(every, CONFIG)), ends) == policies_for(alone, ends)


@given(known=st.lists(st.tuples(ours, peers, fronts), max_size=12), front=fronts, local=ours, remote=peers)
def test_a_pair_has_the_connections_of_its_own_front_door(
    known: list[tuple[IPv4Address, IPv4Address, str]], front: str, local: IPv4Address, remote: IPv4Address
) -> None:
    associations = Associations()
    for number, (ours, theirs, where) in enumerate(known, 1):
        associations.install(negotiated(connection(number, ours, theirs, front=where), 2 * number), 0.0)
    found = [each.number for each in associations.connections(OuterAddress(local, front), remote)]
    fitting = [number for number, one in enumerate(known, 1) if one == (local, remote, front)]
    assert found == fitting[::-1]
    assert associations.are_alone((OuterAddress(local, front), remote)) == (len(fitting) < 2)
    for number, (_, _, where) in enumerate(known, 1):
        assert [each for each in FRONTS if associations.has(2 * number, each)] == [where]
