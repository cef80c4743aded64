"""A router that is killed: what should have been sealed does not take the default route, in clear, after its death."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.peers import KEY
from contract.test_planes import TUNNEL, udp
from contract.worlds import DEFAULT, LAN, UNDERLAY, RealWorld, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SetAdjacency, SetCarrier, SetInterface, SetRoute, SetTunnel, SetVrfs, TunnelSpec
from dmvpn.base.errors import UserError
from dmvpn.base.events import Unresolved
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.netlink.nfsocket import BaseChain, Family, NetfilterSocket, forward_drops
from dmvpn.dataplane.netlink.wire import attribute
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace import cleanup
from dmvpn.dataplane.userspace.records import Records
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.vrf_namespaces import Namespaces

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.effects import Effect
    from dmvpn.dataplane.netlink.nftables import Part
    from dmvpn.dataplane.userspace.vrf_devices import VrfBackend

pytestmark = pytest.mark.lab

FAR_LAN = Prefix.parse("192.168.9.0/24")
FAR_HOST = IPv4Address("192.168.9.100")
FAR_TUNNEL = IPv4Address("172.16.0.9")
BY_TUNNEL = SetRoute(FAR_LAN, (NextHop("Tunnel0", FAR_TUNNEL),))
BY_DEFAULT = SetRoute(DEFAULT, (NextHop(UNDERLAY, IPv4Address("10.0.1.2")),))


def life(*, protected: bool) -> list[Effect]:
    """What a router orders whose tunnel leads to a far LAN."""
    spec = TunnelSpec(name="Tunnel0", source=nbma("A"), destination=None, key=KEY, mtu=1400, protected=protected)
    return [
        SetInterface(UNDERLAY, True, ((nbma("A"), 24),)),
        BY_DEFAULT,
        SetTunnel(spec),
        SetInterface("Tunnel0", True, ((TUNNEL["A"], 24),)),
        SetCarrier("Tunnel0", True),
        SetAdjacency("Tunnel0", FAR_TUNNEL, nbma("B")),
        BY_TUNNEL,
    ]


def in_world(test: Callable[[RealWorld], None]) -> None:
    def real() -> None:
        world = RealWorld()
        try:
            test(world)
        finally:
            world.close()

    run_in_lab(real)


def provider_sees(world: RealWorld) -> set[int]:
    """The protocols of what A sends to the provider while its host sends to the far LAN."""
    seen = len(world.wire)
    for _ in range(5):
        world.send("A", udp("A", FAR_HOST))
        world.run(0.05)
    return {packet.protocol for packet in world.wire[seen:]}


def test_without_protection_traffic_takes_the_default_route_after_the_death() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", *life(protected=False))
        assert provider_sees(world) == {IpProtocol.UDP}
        world.live_again("A")

    in_world(test)


def test_with_protection_traffic_stops_until_the_router_is_back() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", *life(protected=True))
        assert provider_sees(world) == set(), "while it is dead"
        world.live_again("A")
        world.execute("A", BY_DEFAULT)
        assert provider_sees(world) == set(), "while its tunnel is not there yet"
        world.execute("A", *life(protected=True)[2:5])
        assert provider_sees(world) == set(), "while there is no SA"
        assert world.of("A", Unresolved)[0] == Unresolved("Tunnel0", FAR_TUNNEL), (
            "neighbors of an earlier life are gone"
        )

    in_world(test)


def test_who_flushes_the_routes_of_a_dead_router_does_not_let_its_traffic_out() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", *life(protected=True))
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            lost = [route for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if route.prefix == FAR_LAN]
            kernel.call(*(netlink.delete_route(route) for route in lost if route.table == netlink.TABLE_MAIN))
        assert provider_sees(world) == set(), "while it is dead"
        world.live_again("A")
        world.execute("A", BY_DEFAULT)
        assert provider_sees(world) == set(), "while its tunnel is not there yet"

    in_world(test)


def test_what_the_next_life_does_not_want_goes_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", *life(protected=True))
        monkeypatch.setattr(cleanup, "GRACE", 0.3)
        world.live_again("A")
        world.execute("A", BY_DEFAULT)
        assert provider_sees(world) == set()
        world.run(0.4)
        world.execute("A", BY_DEFAULT)
        assert provider_sees(world) == {IpProtocol.UDP}
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert kernel.find_link("Tunnel0") is None

    in_world(test)


def test_cleanup_takes_what_a_killed_router_left_and_nothing_that_a_router_holds() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", *life(protected=True))
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            with Tap("Tunnel0", vnet_hdr=True):
                assert cleanup.clean_up(kernel, Records.here()).taps == ()
            assert cleanup.clean_up(kernel, Records.here()).taps == ("Tunnel0",)
            assert kernel.find_link("Tunnel0") is None
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []
            assert kernel.routes(protocol=netlink.ROUTE_PROTOCOL) == []
        world.live_again("A")

    in_world(test)


def test_an_orderly_end_leaves_nothing() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", *life(protected=True))
        world.close()
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert kernel.find_link("Tunnel0") is None
            assert kernel.routes(protocol=netlink.ROUTE_PROTOCOL) == []

    in_world(test)


# What is read of the host's packet filter: base chains that drop what the kernel would pass on.

_DORMANT = attribute(2, (1).to_bytes(4, "big"))
_ACCEPTS = nftables.rule("filter", "FORWARD", nftables.verdict(nftables.NetfilterVerdict.ACCEPT))


def with_policy(policy: nftables.NetfilterVerdict, hook: nftables.Hook = nftables.Hook.FORWARD) -> Part:
    kind, flags, body = nftables.base_chain("filter", "FORWARD", "filter", hook, 0)
    return kind, flags, body + attribute(5, int(policy).to_bytes(4, "big"))


def found(parts: list[Part], family: Family = Family.IP) -> list[BaseChain]:
    with NetfilterSocket(family) as kernel:
        kernel.transact(parts)
        chains = forward_drops()
        kernel.transact([nftables.delete_table("filter")])
    return chains


def test_a_chain_that_drops_by_policy_is_read_with_the_number_of_its_rules() -> None:
    def test() -> None:
        assert forward_drops() == []
        for family in Family:
            shut = [nftables.new_table("filter"), with_policy(nftables.NetfilterVerdict.DROP)]
            for parts, rules in ((shut, 0), ([*shut, nftables.chain("filter", "other"), _ACCEPTS, _ACCEPTS], 2)):
                expected = BaseChain(
                    family, "filter", "FORWARD", nftables.Hook.FORWARD, nftables.NetfilterVerdict.DROP, rules
                )
                assert found(parts, family) == [expected]
        assert forward_drops() == []

    run_in_lab(test)


@pytest.mark.parametrize(
    "parts",
    [
        [nftables.new_table("filter"), with_policy(nftables.NetfilterVerdict.ACCEPT)],
        [nftables.new_table("filter"), nftables.base_chain("filter", "FORWARD", "filter", nftables.Hook.FORWARD, 0)],
        [nftables.new_table("filter"), with_policy(nftables.NetfilterVerdict.DROP, nftables.Hook.INPUT)],
        [nftables.new_table("filter"), nftables.chain("filter", "FORWARD")],
    ],
    ids=["accept", "no policy", "input", "no hook"],
)
def test_no_other_chain_is_told(parts: list[Part]) -> None:
    run_in_lab(lambda: _none(parts))


def test_a_table_that_is_dormant_drops_nothing() -> None:
    (kind, flags, body) = nftables.new_table("filter")
    run_in_lab(lambda: _none([(kind, flags, body + _DORMANT), with_policy(nftables.NetfilterVerdict.DROP)]))


def _none(parts: list[Part]) -> None:
    assert found(parts) == []


# VRFs that a host refuses, and those beside them.


def test_a_refused_vrf_is_named_and_costs_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """VRFs behind the refused one, by name, were not made."""
    make = Namespaces.make

    def refuse(backends: Namespaces, vrf: str) -> VrfBackend:
        if vrf == "BAD":
            raise UserError("too many")
        return make(backends, vrf)

    def test(world: RealWorld) -> None:
        with pytest.raises(EffectError, match="too many") as raised:
            world.execute("A", SetVrfs(("BAD", "GOOD")))
        assert raised.value.effect == SetVrfs(("BAD",))
        world.execute("A", SetInterface(LAN, True, ((nbma("A"), 24),), vrf="GOOD"))

    monkeypatch.setattr(Namespaces, "make", refuse)
    in_world(test)
