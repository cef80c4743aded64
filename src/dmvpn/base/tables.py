"""The routing tables of a router in words."""

from __future__ import annotations


def table_named(vrf: str) -> str:
    """Return what people call the routing table of a VRF, "": the global one."""
    return f"VRF {vrf}" if vrf else "the global table"
