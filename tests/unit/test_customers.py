"""Which tables are of one customer: their LANs should reach each other."""

from __future__ import annotations

from ipaddress import ip_network

from dmvpn.network.customers import TunnelSeat, customers

ONE, TWO = ip_network("10.255.1.0/24"), ip_network("10.255.2.0/24")


def test_global_tables_of_customers_own_routers_are_of_the_customers_whose_clouds_they_are_in() -> None:
    """The doctor missed packets between two customers, each with routers of its own."""
    seats = [
        TunnelSeat(("HUB", "RED"), ONE, 1),
        TunnelSeat(("HUB", "BLUE"), TWO, 2),
        *(TunnelSeat((name, ""), ONE, 1) for name in ("RED1", "RED2")),
        *(TunnelSeat((name, ""), TWO, 2) for name in ("BLUE1", "BLUE2")),
    ]
    found = customers([seat.table for seat in seats], seats)
    assert [name for (name, _), customer in found.items() if customer == "RED"] == ["HUB", "RED1", "RED2"]
    assert [name for (name, _), customer in found.items() if customer == "BLUE"] == ["HUB", "BLUE1", "BLUE2"]


def test_global_tables_of_one_network_stay_together_where_one_router_has_the_cloud_in_a_vrf() -> None:
    seats = [TunnelSeat(("HUB", "INSIDE"), ONE, 1), TunnelSeat(("S1", ""), ONE, 1), TunnelSeat(("S2", ""), ONE, 1)]
    found = customers([*(seat.table for seat in seats), ("CORE", "")], seats)
    assert {found["S1", ""], found["S2", ""], found["CORE", ""]} == {""}


def test_a_router_whose_global_table_is_in_the_clouds_of_two_customers_is_of_neither() -> None:
    seats = [
        TunnelSeat(("HUB", "RED"), ONE, 1),
        TunnelSeat(("HUB", "BLUE"), TWO, 2),
        TunnelSeat(("RED1", ""), ONE, 1),
        TunnelSeat(("BLUE1", ""), TWO, 2),
        TunnelSeat(("NOC", ""), ONE, 1),
        TunnelSeat(("NOC", ""), TWO, 2),
    ]
    found = customers([seat.table for seat in seats], seats)
    assert (found["RED1", ""], found["BLUE1", ""], found["NOC", ""]) == ("RED", "BLUE", "")
