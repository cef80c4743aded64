"""What `neighbor` takes for the name of a peer group."""

from __future__ import annotations

import pytest

from dmvpn.base.pages import NONE
from dmvpn.network.device import Device


@pytest.mark.parametrize("name", ["SPOKES", "64501AS", "64501AS6", "as-64501.internal"])
def test_a_group_has_members_whatever_its_name_begins_with(name: str) -> None:
    """Seen: `neighbor 64501AS peer-group` was kept without effect, and nobody of the group was a neighbor."""
    lines = f" neighbor {name} peer-group\n neighbor {name} remote-as 2\n neighbor 192.0.2.1 peer-group {name}\n"
    neighbors = Device.read("R1", f"router bgp 1\n{lines}").bgp.neighbors
    assert [str(one.peer) for one in neighbors if one.is_group and one.remote_as == 2] == [name]
    assert [str(one.peer) for one in neighbors if one.group == name] == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["64501", "10.0.0", "192.0.2.1O", "2001:db8::1"])
def test_what_looks_like_an_address_is_no_name(name: str) -> None:
    assert Device.read("R1", f"router bgp 1\n neighbor {name} remote-as 2\n").bgp.neighbors == NONE
