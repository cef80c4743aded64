"""Crypto sessions: which tunnels a connection serves."""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.sessions import tunnels_of
from support.fakes import FakeTunnels, fake_ports
from support.overlay import address, cloud
from support.protection import connection


def test_of_point_to_point_tunnels_with_one_source_a_connection_serves_the_one_that_leads_to_its_peer() -> None:
    plain = replace(cloud(3).members["R31"].tunnel_state, multipoint=False, protection="P", source=address("10.9.0.1"))
    one, other = (
        replace(plain, name=name, destination=address(far))
        for name, far in (("Tunnel1", "10.9.0.2"), ("Tunnel2", "10.9.0.3"))
    )
    ports = replace(fake_ports(), tunnels=FakeTunnels([one, other, replace(one, name="Tunnel3", protection="")]))
    assert tunnels_of(ports, connection(1, "10.9.0.1", "10.9.0.3")) == ("Tunnel2",)
