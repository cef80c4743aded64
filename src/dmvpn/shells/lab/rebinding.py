"""Parameters of `lab rebind`, for real and for simulated labs.

A translator loses its mappings, or gets another public address or kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import get_args

from dmvpn.base.errors import UserError
from dmvpn.dataplane.translator import NatKind
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab_model import GatewaySpec, is_free


def wanted_public(request: Mapping[str, Json], spec: GatewaySpec) -> IPv4Address | None:
    """Return the public address in a request; None: the same as before. Raises UserError."""
    text = request.get("public")
    if text is None:
        return None
    try:
        address = IPv4Address(str(text))
    except ValueError as error:
        raise UserError(f"{text} is no IPv4 address") from error
    network = spec.public.network
    if not is_free(address, network, spec.gateway) or address in spec.inward.keys() - {spec.public.ip}:
        raise UserError(f"{address} is no free address of {network}, the link outside")
    return address


def wanted_kind(request: Mapping[str, Json]) -> NatKind | None:
    """Return the kind in a request; None: the same as before. Raises UserError."""
    if request.get("kind") is None:
        return None
    kinds: tuple[NatKind, ...] = get_args(NatKind)
    for kind in kinds:
        if request.get("kind") == kind:
            return kind
    raise UserError(f"a translator is {', '.join(kinds)}")
