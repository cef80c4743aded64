"""Numbers of NHRP networks on the data plane."""

from __future__ import annotations

from dmvpn.dataplane.contract import NhrpNetworks


def test_a_network_id_is_another_network_in_another_vrf() -> None:
    networks = NhrpNetworks()
    numbers = [networks.number(vrf, 1) for vrf in ("", "RED", "BLUE")]
    assert len(set(numbers)) == 3
    assert [networks.number(vrf, 1) for vrf in ("", "RED", "BLUE")] == numbers, "they stay"
    assert networks.number("RED", None) is None
