"""VRFs that a host refuses, and those beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.test_killed_router import in_world
from contract.worlds import LAN, nbma
from dmvpn.base.effects import SetInterface, SetVrfs
from dmvpn.base.errors import UserError
from dmvpn.dataplane.contract import EffectError
from dmvpn.shells.lab.grounds import Namespaces

if TYPE_CHECKING:
    from contract.worlds import RealWorld
    from dmvpn.dataplane.userspace.vrf_devices import Ground

pytestmark = pytest.mark.lab


def test_a_refused_vrf_is_named_and_costs_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """VRFs behind the refused one, by name, were not made."""
    make = Namespaces.make

    def refuse(grounds: Namespaces, vrf: str) -> Ground:
        if vrf == "BAD":
            raise UserError("too many")
        return make(grounds, vrf)

    def test(world: RealWorld) -> None:
        with pytest.raises(EffectError, match="too many") as raised:
            world.execute("A", SetVrfs(("BAD", "GOOD")))
        assert raised.value.effect == SetVrfs(("BAD",))
        world.execute("A", SetInterface(LAN, True, ((nbma("A"), 24),), vrf="GOOD"))

    monkeypatch.setattr(Namespaces, "make", refuse)
    in_world(test)
