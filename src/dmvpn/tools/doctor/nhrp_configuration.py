"""NHRP's lines of a tunnel, found by what they say: of a server, of a mapping, of a receiver of multicast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.tools.doctor.configuration import device, statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.facts import Address
    from dmvpn.ios import ConfigLine, Statement
    from dmvpn.router.facts import RouterFacts


def server_statements(facts: RouterFacts, tunnel: str, address: Address | None) -> list[Statement]:
    """Return the lines about a server: `nhs`, then `map`."""
    return [*_about(facts, tunnel, nhrp_lines.NHS, "nhs_address", address), *map_statements(facts, tunnel, address)]


def map_statements(facts: RouterFacts, tunnel: str, address: Address | None) -> list[Statement]:
    """Return the lines that map a tunnel address."""
    return _about(facts, tunnel, nhrp_lines.MAP, "target", address)


def multicast_lines(facts: RouterFacts, tunnel: str, nbma: Address | None, *versions: int) -> tuple[str, ...]:
    """Return the lines that send copies of multicasts of these versions of IP to an NBMA address."""
    kinds = (nhrp_lines.of_version(nhrp_lines.MAP_MULTICAST, version) for version in versions)
    found = statements(device(facts).section(tunnel), *kinds) if nbma is not None else []
    return tuple(one.text for one in found if one.args.get("nbma") == nbma)


def servers_at(facts: RouterFacts, tunnel: str, nbma: Address | None) -> tuple[str, ...]:
    """Return the lines of IPv4 servers with this NBMA address, or this tunnel address."""
    found = statements(device(facts).section(tunnel), nhrp_lines.NHS) if nbma is not None else []
    return tuple(one.text for one in found if nbma in (one.args.get("nhs_address"), one.args.get("nbma_address")))


def texts_of(found: Iterable[Statement]) -> tuple[str, ...]:
    """Return the lines as the running configuration shows them."""
    return tuple(one.text for one in found)


def with_address(one: Statement, address: Address) -> str:
    """Return the line of a server or mapping with another tunnel address."""
    place = "target" if "target" in one.args else "nhs_address"
    value = Prefix.host(address) if place == "target" and address.version == 6 else address
    return one.line.of(**{**dict(one.args), place: value})


def _about(facts: RouterFacts, tunnel: str, line: ConfigLine, name: str, address: Address | None) -> list[Statement]:
    if address is None:
        return []
    found = statements(device(facts).section(tunnel), nhrp_lines.of_version(line, address.version))
    return [one for one in found if one.args.get(name) in (address, Prefix.host(address))]
