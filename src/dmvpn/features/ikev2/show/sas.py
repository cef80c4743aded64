"""IKE SAs and what they made: what `show crypto ikev2 sa`, `session` and `show crypto isakmp sa` say."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.protection import EspCipher, IkePhase
from dmvpn.features.ikev2.translation import ISAKMP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import IkeView, SaView
    from dmvpn.ios import Args, ShowContext

_NO_SPI: Final = bytes(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaLine:
    """An IKE SA. lifetime, active: seconds. bits: of the key, 0: nothing is negotiated. dpd, dpd_retry: 0: off."""

    number: int
    status: str
    description: str
    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    encryption: str
    bits: int
    prf: str
    integrity: str
    group: int
    local_auth: str
    remote_auth: str
    lifetime: int
    active: int
    local_spi: bytes
    remote_spi: bytes
    local_identity: str
    remote_identity: str
    next_request: int
    next_answer: int
    local_window: int
    remote_window: int
    dpd: int
    dpd_retry: int
    fragmentation: bool
    nat_inside: bool
    nat_outside: bool
    initiator: bool
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLine:
    """A pair of SAs of ESP. *_selector: first and last address with their ports. hash: "None" with AES-GCM."""

    local_selector: str
    remote_selector: str
    spi_in: int
    spi_out: int
    encryption: str
    bits: int
    hash: str
    transport: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLines:
    """All IKE SAs with a peer, and their pairs of ESP."""

    number: int
    status: str
    sas: tuple[SaLine, ...]
    children: tuple[ChildLine, ...]


@dataclass(frozen=True, slots=True)
class ShowSas:
    """The answer to `show crypto ikev2 sa` and to `show crypto isakmp sa`."""

    sas: tuple[SaLine, ...]


@dataclass(frozen=True, slots=True)
class ShowSessions:
    """The answer to `show crypto ikev2 session`."""

    sessions: tuple[SessionLines, ...]


def sas(ctx: ShowContext, args: Args) -> ShowSas:
    """Return all IKE SAs, or those between some addresses."""
    return ShowSas(tuple(_sa(view, ctx.now) for view in _chosen(ctx, args)))


def sas_of_isakmp(ctx: ShowContext, args: Args) -> ShowSas:
    """Return those that run for the IKEv1 lines."""
    chosen = (view for view in _chosen(ctx, args) if view.ikev2_profile.startswith(ISAKMP))
    return ShowSas(tuple(_sa(view, ctx.now) for view in chosen))


def sessions(ctx: ShowContext, args: Args) -> ShowSessions:
    """Return the IKE SAs, those of a session together."""
    grouped: dict[int, list[IkeView]] = {}
    for view in _chosen(ctx, args):
        grouped.setdefault(view.number, []).append(view)
    children: dict[int, list[SaView]] = {}
    for child in breathing(tuple(ctx.ports.protection.sas())):
        children.setdefault(child.connection.number, []).append(child)
    return ShowSessions(tuple(_session(number, of, children, ctx.now) for number, of in breathing(grouped.items())))


def _chosen(ctx: ShowContext, args: Args) -> Iterator[IkeView]:
    local, remote = args.any_address("local", None), args.any_address("remote", None)
    for view in breathing(tuple(ctx.ports.ike.sas())):
        if local in (None, view.local) and remote in (None, view.remote):
            yield view


def _session(number: int, views: list[IkeView], children: dict[int, list[SaView]], now: float) -> SessionLines:
    connections = dict.fromkeys(view.connection.number for view in views if view.connection is not None)
    pairs = [pair for connection in connections for pair in children.get(connection, ())]
    ready = any(view.phase is IkePhase.READY for view in views)
    status = ("UP-ACTIVE" if pairs else "UP-IDLE") if ready else "DOWN-NEGOTIATING"
    return SessionLines(
        number=number,
        status=status,
        sas=tuple(_sa(view, now) for view in views),
        children=tuple(_child(pair) for pair in pairs),
    )


def _sa(view: IkeView, now: float) -> SaLine:
    return SaLine(
        number=view.number,
        status=view.phase.value,
        description=_description(view),
        local=view.local,
        local_port=view.local_port,
        remote=view.remote,
        remote_port=view.remote_port,
        encryption=view.encryption,
        bits=view.bits,
        prf=view.prf,
        integrity=view.integrity,
        group=view.group,
        local_auth=view.local_auth,
        remote_auth=view.remote_auth,
        lifetime=int(view.lifetime),
        active=max(0, int(now - view.since)),
        local_spi=view.local_spi,
        remote_spi=view.remote_spi,
        local_identity=view.local_identity,
        remote_identity=view.remote_identity,
        next_request=view.next_request,
        next_answer=view.next_answer,
        local_window=view.local_window,
        remote_window=view.remote_window,
        dpd=int(view.dpd),
        dpd_retry=int(view.dpd_retry),
        fragmentation=view.fragmentation,
        nat_inside=view.nat_inside,
        nat_outside=view.nat_outside,
        initiator=view.initiator,
        profile=view.ikev2_profile,
    )


def _description(view: IkeView) -> str:
    if view.phase is IkePhase.READY:
        return "Negotiation done"
    if view.phase is IkePhase.DELETED:
        return "Delete in progress"
    if not view.initiator:
        return "Responder waiting for AUTH message"
    return f"Initiator waiting for {'INIT' if view.remote_spi == _NO_SPI else 'AUTH'} response"


def _child(pair: SaView) -> ChildLine:
    is_gcm = pair.transform.cipher is EspCipher.AES_GCM
    return ChildLine(
        local_selector=_range(pair.local_selector),
        remote_selector=_range(pair.remote_selector),
        spi_in=pair.spi_in,
        spi_out=pair.spi_out,
        encryption="AES-GCM" if is_gcm else "AES-CBC",
        bits=pair.transform.bits,
        hash="None" if pair.transform.hash is None else pair.transform.hash.value.upper(),
        transport=pair.transport,
    )


def _range(selector: str) -> str:
    """Return a selector ("198.51.100.1/255.255.255.255/47/0") from its first address and port to its last."""
    address, mask, _, port = selector.split("/")
    network = ip_network(f"{address}/{mask}", strict=False)
    first, last = ("0", "65535") if port == "0" else (port, port)
    return f"{network.network_address}/{first} - {network.broadcast_address}/{last}"
