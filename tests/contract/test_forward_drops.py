"""What is read of the host's packet filter: base chains that drop what the kernel would pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.test_killed_router import in_world
from contract.worlds import LAN, nbma
from dmvpn.base.effects import SetInterface, SetVrfs
from dmvpn.base.errors import UserError
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink.nfsocket import BaseChain, Family, NetfilterSocket, forward_drops
from dmvpn.dataplane.netlink.nftables import (
    Hook,
    NetfilterVerdict,
    base_chain,
    chain,
    delete_table,
    new_table,
    rule,
    verdict,
)
from dmvpn.dataplane.netlink.wire import attribute
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.vrf_namespaces import Namespaces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract.worlds import RealWorld
    from dmvpn.dataplane.netlink.nftables import Part
    from dmvpn.dataplane.userspace.vrf_devices import VrfBackend

pytestmark = pytest.mark.lab

_DORMANT = attribute(2, (1).to_bytes(4, "big"))
_ACCEPTS = rule("filter", "FORWARD", verdict(NetfilterVerdict.ACCEPT))


def with_policy(policy: NetfilterVerdict, hook: Hook = Hook.FORWARD) -> Part:
    kind, flags, body = base_chain("filter", "FORWARD", "filter", hook, 0)
    return kind, flags, body + attribute(5, int(policy).to_bytes(4, "big"))


def of(family: Family, parts: Iterable[Part]) -> list[Part]:
    return [(kind, flags, bytes((family,)) + body[1:]) for kind, flags, body in parts]


def found(parts: list[Part]) -> list[BaseChain]:
    with NetfilterSocket() as kernel:
        kernel.transact(parts)
        chains = forward_drops()
        kernel.transact([(kind, flags, parts[0][2][:1] + body[1:]) for kind, flags, body in [delete_table("filter")]])
    return chains


def test_a_chain_that_drops_by_policy_is_read_with_the_number_of_its_rules() -> None:
    def test() -> None:
        assert forward_drops() == []
        for family in Family:
            shut = [new_table("filter"), with_policy(NetfilterVerdict.DROP)]
            for parts, rules in ((shut, 0), ([*shut, chain("filter", "other"), _ACCEPTS, _ACCEPTS], 2)):
                expected = BaseChain(family, "filter", "FORWARD", Hook.FORWARD, NetfilterVerdict.DROP, rules)
                assert found(of(family, parts)) == [expected]
        assert forward_drops() == []

    run_in_lab(test)


@pytest.mark.parametrize(
    "parts",
    [
        [new_table("filter"), with_policy(NetfilterVerdict.ACCEPT)],
        [new_table("filter"), base_chain("filter", "FORWARD", "filter", Hook.FORWARD, 0)],
        [new_table("filter"), with_policy(NetfilterVerdict.DROP, Hook.INPUT)],
        [new_table("filter"), chain("filter", "FORWARD")],
    ],
    ids=["accept", "no policy", "input", "no hook"],
)
def test_no_other_chain_is_told(parts: list[Part]) -> None:
    run_in_lab(lambda: _none(parts))


def test_a_table_that_is_dormant_drops_nothing() -> None:
    (kind, flags, body) = new_table("filter")
    run_in_lab(lambda: _none([(kind, flags, body + _DORMANT), with_policy(NetfilterVerdict.DROP)]))


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
