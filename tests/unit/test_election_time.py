"""How long `dmvpn lab up` waits for OSPF to elect who speaks for a network."""

from __future__ import annotations

import pytest

from dmvpn.network.device import Device
from dmvpn.network.routing import election_time

ROUTER = """interface Ethernet0/0
 ip address 192.0.2.1 255.255.255.0
{port}interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
{tunnel}router ospf 1
 network {network} area 0
{process}"""


@pytest.mark.parametrize(
    ("network", "port", "tunnel", "process", "seconds"),
    [
        ("10.0.0.0 0.0.0.255", "", " ip ospf network point-to-multipoint\n", "", 0),
        ("10.0.0.0 0.0.0.255", "", "", "", 0),
        ("10.0.0.0 0.0.0.255", "", " ip ospf network broadcast\n", "", 40),
        ("10.0.0.0 0.0.0.255", "", " ip ospf network non-broadcast\n", "", 120),
        ("0.0.0.0 255.255.255.255", "", " ip ospf network broadcast\n ip ospf hello-interval 5\n", "", 60),
        ("0.0.0.0 255.255.255.255", " ip ospf network point-to-point\n", "", "", 0),
        ("0.0.0.0 255.255.255.255", "", "", " passive-interface Ethernet0/0\n", 0),
    ],
)
def test_those_of_tunnels_follow_those_of_the_networks_beneath(
    network: str, port: str, tunnel: str, process: str, seconds: int
) -> None:
    text = ROUTER.format(network=network, port=port, tunnel=tunnel, process=process)
    assert election_time([Device.read("R1", text)]) == seconds
