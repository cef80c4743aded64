"""Numbers of NHRP networks on the data plane."""

from __future__ import annotations


class NhrpNetworks:
    """The NHRP networks of all VRFs: two VRFs may use the same network id, and are two networks nevertheless."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}

    def number(self, vrf: str, network: int | None) -> int | None:
        """Return the number of a network id in a VRF; None: the tunnel is in no network."""
        return None if network is None else self._numbers.setdefault((vrf, network), len(self._numbers))
