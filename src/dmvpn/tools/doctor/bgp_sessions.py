"""What keeps two ends without a session of BGP that have each other as neighbors, with matching parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as lines
from dmvpn.network.terms.bgp import BGP
from dmvpn.tools.doctor import router_ids
from dmvpn.tools.doctor.configuration import texts
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.network.terms.bgp import Side
    from dmvpn.tools.doctor.scene import Client, Scene


def other_source(_: Scene, client: Client) -> Iterator[Finding]:
    """Find an end that calls from an address that the other one does not have as its neighbor."""
    here, there = _sides(client)
    for side, other in ((here, there), (there, here)):
        source = side.settings.lines.update_source if side.settings is not None else ""
        port = side.end.device.interface(source)
        known = port is not None and port.address is not None and port.address[0] == other.peer
        if source and source != side.end.name and not known:
            what = f"BGP of {side.name} calls {other.name} from {source}, and {other.name} has another address for it"
            yield _finding(side, what, lines.NEIGHBOR.no(peer=side.peer, interface=source))
            return


def one_identifier(scene: Scene, client: Client) -> Iterator[Finding]:
    """Find two ends that have one router ID. Its owner keeps it."""
    here, there = _sides(client)
    identifier = client.facts.bgp.router_id
    if identifier is None or client.hub_facts is None or identifier != client.hub_facts.bgp.router_id:
        return
    wrong, _ = router_ids.to_change(scene, (client.name, client.hub), identifier)
    what = f"BGP of {client.name} and {client.hub} has one router identifier, {identifier}"
    line = lines.ROUTER_ID.of(address=router_ids.free(scene, wrong))
    yield _finding(here if wrong == client.name else there, what, line)


def too_many(_: Scene, client: Client) -> Iterator[Finding]:
    """Find a server whose limit of dynamic neighbors is reached."""
    server = _sides(client)[1]
    bgp = client.hub_facts.bgp if client.hub_facts is not None else client.facts.bgp
    callers = [one for one in bgp.peers if one.address not in bgp.called]
    limits = texts(server.end.device.tree.section(lines.ROUTER), lines.LISTEN_LIMIT)
    has = any(one.address == server.peer for one in bgp.peers)
    if limits and not has and len(callers) >= bgp.listen_limit:
        what = f"{client.hub} takes no more callers than {len(callers)}: {client.name} is one too many"
        yield _finding(server, what, f"no {limits[0]}")


def _sides(client: Client) -> tuple[Side, Side]:
    """Return the client and its server: BGP runs at both."""
    here, there = BGP.views(client.pair) if client.pair is not None else (None, None)
    if here is None or there is None:
        raise AssertionError("BGP does not run at both ends")
    return here, there


def _finding(side: Side, what: str, line: str) -> Finding:
    fix = (*side.process, line)
    return Finding(step=Step.ROUTING, cause=Cause.BGP_NEIGHBOR, router=side.name, what=what, fix=fix)


CHECKS: Final[tuple[Callable[[Scene, Client], Iterator[Finding]], ...]] = (other_source, one_identifier, too_many)
