"""The tables of tunnels and of NHRP: both ends of a tunnel have their lines in the section of the interface."""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp import terms as of_nhrp
from dmvpn.features.tunnel import terms as of_tunnels
from dmvpn.network.terms.table import Table

TUNNELS: Final = Table(lambda end, _: end.tunnel, of_tunnels.TERMS)
NHRP: Final = Table(lambda end, _: end.nhrp if end.nhrp.network_id is not None else None, of_nhrp.TERMS)
