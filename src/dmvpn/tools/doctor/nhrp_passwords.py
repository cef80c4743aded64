"""Passwords of NHRP at the two ends of a registration, which are compared by the server's answer: none is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.packet import ErrorCode
from dmvpn.features.nhrp.reasons import NhrpReason, Refusal
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.verdicts import SECRET, Finding, Step

if TYPE_CHECKING:
    from dmvpn.base.facts import ReasonFacts
    from dmvpn.features.nhrp.facts import ServerFacts
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene


def other_password(scene: Scene, client: Client, there: TunnelFacts, server: ServerFacts) -> Finding | None:
    """Return the finding that one end has no password, or that the server refuses the client's; None: neither."""
    tunnel, reason = client.tunnel, server.reason
    evidence = (f"{client.name} says: {reason}",) if reason else ()
    if there.authenticated != tunnel.authenticated:
        name, lacking = (client.hub, there) if tunnel.authenticated else (client.name, tunnel)
        odd = _odd_password(scene, client, lacking is there)
        return Finding(
            step=Step.REGISTRATION,
            cause=Cause.AUTHENTICATION,
            router=odd,
            what=f"only one of {client.name} and {client.hub} has an NHRP password: {name} has none",
            evidence=evidence,
            fix=(INTERFACE.of(name=lacking.name), nhrp_lines.AUTHENTICATION.of(password=SECRET))
            if odd == name
            else (INTERFACE.of(name=tunnel.name if odd == client.name else there.name), nhrp_lines.AUTHENTICATION.no()),
        )
    if server.responding or not says_password(reason):
        return None
    odd = _odd_password(scene, client, None)
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.AUTHENTICATION,
        router=odd,
        what=f"{client.name} and {client.hub} have different NHRP passwords",
        evidence=(*evidence, *_refusals(client)),
        fix=(
            INTERFACE.of(name=there.name if odd == client.hub else tunnel.name),
            nhrp_lines.AUTHENTICATION.of(password=SECRET),
        ),
    )


def takes_requests_alone(scene: Scene, client: Client) -> bool:
    """Return whether the server registers the client, which refuses the replies: only the client has a password.

    RFC 2332 §5.3.4: the receiver checks the password. A router without one checks nothing.
    """
    there, server = client.there, client.server
    if there is None or server is None or there.authenticated or not client.tunnel.authenticated or client.works:
        return False
    versions = {server.address.version} if server.address is not None else {4, 6}
    own = [address for address in client.tunnel.addresses if address.version in versions]
    known = {(one.next_hop, one.nbma) for one in there.mappings if one.kind == "dynamic"}
    return any((address, scene.seen_as(client)) in known for address in own)


def _odd_password(scene: Scene, client: Client, hub_lacks: bool | None) -> str:
    """Return the end to change: the hub if it differs from all of its clients, else the client. Of two routers that
    have no others to compare with, the one without a password.

    hub_lacks: whether the hub is that one; None: both ends have passwords.
    """
    others = scene.fellows(client)
    if hub_lacks is None:
        fails = [one for one in others if not one.works]
        return client.hub if others and len(fails) == len(others) else client.name
    if not others:  # a password that is added keeps strangers out, and one that is removed lets them in
        return client.hub if hub_lacks else client.name
    hub_odd = all(one.tunnel.authenticated == client.tunnel.authenticated for one in others)
    return client.hub if hub_odd else client.name


def says_password(reason: ReasonFacts) -> bool:
    """Return whether the passwords of NHRP differ, according to the reason of one end."""
    if said := reason.find(NhrpReason.OBJECTION):
        return ErrorCode.AUTHENTICATION_FAILURE in said.fields
    return reason.find(NhrpReason.OTHER_PASSWORD) is not None


def _refusals(client: Client) -> tuple[str, ...]:
    count = client.there.refusals.get(Refusal.AUTHENTICATION.value, 0) if client.there is not None else 0
    return (f"{client.hub}: {count} NHRP packets with a wrong password",) if count else ()
