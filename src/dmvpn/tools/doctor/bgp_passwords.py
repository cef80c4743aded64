"""Passwords of BGP sessions, which a neighbor may have from its peer group, its range or its template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.placeholder import SECRET
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.ios.hidden_secrets import SecretPlace
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.openings import bgp_neighbors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.bgp.model import BgpConfig, NeighborLines
    from dmvpn.router.facts import RouterFacts


def password_of(facts: RouterFacts, address: Address | None) -> str:
    """Return the password for a neighbor, as far as it is shown; "": there is none."""
    return next((lines.password for lines, _ in _sources(device(facts).bgp, address) if lines.password), "")


def password_place(name: str, facts: RouterFacts, address: Address | None) -> SecretPlace:
    """Return the line that has the password for a neighbor."""
    process = " / ".join(bgp_neighbors(facts))
    for lines, template in _sources(device(facts).bgp, address):
        if lines.password and template:
            section = bgp_lines.SESSION_TEMPLATE.of(name=template)
            return SecretPlace(name, f"{process} / {section}", "password")
        if lines.password:
            return SecretPlace(name, process, bgp_lines.NEIGHBOR.of(peer=lines.peer, password=SECRET))
    return SecretPlace(name, process, "password")


def _sources(config: BgpConfig, address: Address | None) -> Iterator[tuple[NeighborLines, str]]:
    """Yield the lines that may have a neighbor's password, the deciding first, each with the name of its template."""
    own = next((one for one in config.neighbors if one.peer == address), None)
    ranges = (one.group for one in config.listen_ranges if address is not None and address in one.prefix)
    name = own.group if own is not None else next(ranges, "")
    group = next((one for one in config.neighbors if one.is_group and one.peer == name), None)
    for lines in (own, group):
        if lines is not None:
            yield lines, ""
            seen: set[str] = set()
            template = lines.session_template
            while template and template not in seen:
                seen.add(template)
                inherited = next((one for one in config.session_templates if one.peer == template), None)
                if inherited is None:
                    break
                yield inherited, template
                template = inherited.session_template
