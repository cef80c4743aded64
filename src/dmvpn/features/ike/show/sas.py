"""`show crypto ikev2 sa` and `session`: IKE SAs of IKEv2 and what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from typing import Final, TypeVar

from dmvpn.base.breath import breathing
from dmvpn.base.protection import EspCipher, IkePhase, IkeSaState, IkeVersion, IkeView, SaView
from dmvpn.base.rows import Source
from dmvpn.base.sessions import inside_of
from dmvpn.base.values import Value, project
from dmvpn.ios import Args, ExecCommand, ShowContext

_NO_SPI: Final = bytes(8)
_HEAD = "Tunnel-id Local                 Remote                fvrf/ivrf            Status "
_HEAD_6 = "Tunnel-id    fvrf/ivrf              Status    "
_UNKNOWN = "Unknown"

T = TypeVar("T")


class SaLine(IkeSaState, Value, kw_only=True):
    """An IKE SA. active: seconds since it began. inside: the VRF inside the tunnel; "": the global table."""

    status: str
    description: str
    inside: str
    active: int
    profile: str


_pair: Final[Source[SaView, None]] = Source()


class ChildLine(Value, kw_only=True):
    """A pair of SAs of ESP. *_selector: first and last address with their ports. hash: "None" with AES-GCM."""

    local_selector: str = _pair(lambda it: _range(it.local_selector))
    remote_selector: str = _pair(lambda it: _range(it.remote_selector))
    spi_in: int
    spi_out: int
    encryption: str = _pair(lambda it: "AES-GCM" if it.transform.cipher is EspCipher.AES_GCM else "AES-CBC")
    bits: int = _pair(lambda it: it.transform.bits)
    hash: str = _pair(lambda it: "None" if it.transform.hash is None else it.transform.hash.value.upper())
    transport: bool


class SessionLines(Value, kw_only=True):
    """All IKE SAs with a peer, and their pairs of ESP."""

    number: int
    status: str
    sas: tuple[SaLine, ...]
    children: tuple[ChildLine, ...]


class ShowSas(Value):
    """The answer to `show crypto ikev2 sa`."""

    sas: tuple[SaLine, ...]


class ShowSessions(Value):
    """The answer to `show crypto ikev2 session`."""

    sessions: tuple[SessionLines, ...]


def sas(ctx: ShowContext, args: Args) -> ShowSas:
    """Return all IKE SAs, or those between some addresses."""
    inside, wanted = inside_of(ctx.ports), args.text("fvrf", "")
    lines = (_sa(view, inside(view), ctx.now) for view in _chosen(ctx, args))
    return ShowSas(tuple(line for line in lines if wanted in ("", line.front)))


def sessions(ctx: ShowContext, args: Args) -> ShowSessions:
    """Return the IKE SAs, those of a session together."""
    grouped: dict[int, list[IkeView]] = {}
    for view in _chosen(ctx, args):
        grouped.setdefault(view.number, []).append(view)
    children: dict[int, list[SaView]] = {}
    for child in breathing(tuple(ctx.ports.protection.sas())):
        children.setdefault(child.connection.number, []).append(child)
    inside = inside_of(ctx.ports)
    return ShowSessions(
        tuple(_session(number, of, children, inside, ctx.now) for number, of in breathing(grouped.items()))
    )


def _chosen(ctx: ShowContext, args: Args) -> Iterator[IkeView]:
    local, remote = args.any_address("local", None), args.any_address("remote", None)
    for view in breathing(tuple(ctx.ports.ike.sas())):
        if view.version == IkeVersion.V2 and local in (None, view.local) and remote in (None, view.remote):
            yield view


def _session(
    number: int, views: list[IkeView], children: dict[int, list[SaView]], inside: Callable[[IkeView], str], now: float
) -> SessionLines:
    connections = dict.fromkeys(view.connection.number for view in views if view.connection is not None)
    pairs = [pair for connection in connections for pair in children.get(connection, ())]
    ready = any(view.phase.is_ready for view in views)
    status = ("UP-ACTIVE" if pairs else "UP-IDLE") if ready else "DOWN-NEGOTIATING"
    return SessionLines(
        number=number,
        status=status,
        sas=tuple(_sa(view, inside(view), now) for view in views),
        children=tuple(_pair.row(ChildLine, pair, None) for pair in pairs),
    )


def _sa(view: IkeView, inside: str, now: float) -> SaLine:
    return project(
        SaLine,
        view,
        status=view.phase.value,
        description=_description(view),
        inside=inside,
        active=max(0, int(now - view.since)),
        profile=view.ikev2_profile,
    )


def _description(view: IkeView) -> str:
    if view.phase.is_ready:
        return "Negotiation done"
    if view.phase is IkePhase.DELETED:
        return "Delete in progress"
    if not view.initiator:
        return "Responder waiting for AUTH message"
    return f"Initiator waiting for {'INIT' if view.remote_spi == _NO_SPI else 'AUTH'} response"


def _range(selector: str) -> str:
    """Return a selector ("198.51.100.1/255.255.255.255/47/0") from its first address and port to its last."""
    address, mask, _, port = selector.split("/")
    network = ip_network(f"{address}/{mask}", strict=False)
    low, _, high = ("0-65535" if port == "0" else port).partition("-")
    return f"{network.network_address}/{low} - {network.broadcast_address}/{high or low}"


# ------------------------------------------------------------------------------------------------ show crypto ikev2 sa


def render_sas(answer: ShowSas) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 sa`."""
    return _by_family("IKEv2  SA", answer.sas, _version, lambda line: _sa_paragraph(line, detail=False))


def render_sas_in_detail(answer: ShowSas) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 sa detailed`."""
    return _by_family("IKEv2  SA", answer.sas, _version, lambda line: _sa_paragraph(line, detail=True))


def render_sessions(answer: ShowSessions) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 session`."""
    return _by_family("IKEv2 Session", answer.sessions, _session_version, lambda one: _session_lines(one, detail=False))


def render_sessions_in_detail(answer: ShowSessions) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 session detailed`."""
    return _by_family("IKEv2 Session", answer.sessions, _session_version, lambda one: _session_lines(one, detail=True))


def _by_family(
    title: str, items: Sequence[T], version: Callable[[T], int], lines: Callable[[T], Iterator[str]]
) -> Iterator[str]:
    for family in (4, 6):
        yield f" IPv{family} Crypto {title} "
        yield ""
        for item in items:
            if version(item) == family:
                yield from lines(item)


def _version(line: SaLine) -> int:
    return line.remote.version


def _session_version(session: SessionLines) -> int:
    return session.sas[0].remote.version


def _sa_paragraph(line: SaLine, *, detail: bool) -> Iterator[str]:
    yield from _sa_lines(line, detail=detail)
    yield ""


def _session_lines(session: SessionLines, *, detail: bool) -> Iterator[str]:
    counts = f"IKE count:{len(session.sas)}, CHILD count:{len(session.children)}"
    yield f"Session-id:{session.number}, Status:{session.status}, {counts}"
    yield ""
    for line in session.sas:
        yield from _sa_lines(line, detail=detail)
    for child in session.children:
        yield f"Child sa: local selector  {child.local_selector}"
        yield f"          remote selector {child.remote_selector}"
        yield f"          ESP spi in/out: 0x{child.spi_in:X}/0x{child.spi_out:X}  "
        if detail:
            yield "          AH spi in/out: 0x0/0x0  "
            yield "          CPI in/out: 0x0/0x0  "
            yield f"          Encr: {child.encryption}, keysize: {child.bits}, esp_hmac: {child.hash}"
            yield f"          ah_hmac: None, comp: IPCOMP_NONE, mode {'transport' if child.transport else 'tunnel'}"
    yield ""


def _sa_lines(line: SaLine, *, detail: bool) -> Iterator[str]:
    vrfs = f"{line.front or 'none'}/{line.inside or 'none'}"
    if line.remote.version == 4:
        local, remote = f"{line.local}/{line.local_port}", f"{line.remote}/{line.remote_port}"
        yield _HEAD
        yield f"{line.number:<9} {local:<21} {remote:<21} {vrfs:<20} {line.status:<7}"
    else:
        yield _HEAD_6
        yield f"{line.number:<10} {vrfs:<21} {line.status:<7}"
        yield f"Local  {line.local}/{line.local_port} "
        yield f"Remote  {line.remote}/{line.remote_port} "
    yield f"      {_algorithms(line)}"
    yield f"      Life/Active Time: {line.lifetime}/{line.active} sec"
    yield f"      CE id: 0, Session-id: {line.number}"
    if detail:
        yield f"      Status Description: {line.description}"
    yield f"      Local spi: {line.local_spi.hex().upper()}       Remote spi: {line.remote_spi.hex().upper()}"
    if detail:
        yield from _particulars(line)


def _algorithms(line: SaLine) -> str:
    """Return the names of the algorithms; before the negotiation, "Unknown": IOS writes "Unknown - 0", which
    parsers do not read.
    """
    encryption, prf = line.encryption or _UNKNOWN, line.prf or _UNKNOWN
    auth = f"Auth sign: {line.local_auth or _UNKNOWN}, Auth verify: {line.remote_auth or _UNKNOWN}"
    return (
        f"Encr: {encryption}, keysize: {line.bits}, PRF: {prf}, Hash: {line.integrity or 'None'}, "
        f"DH Grp:{line.group}, {auth}"
    )


def _particulars(line: SaLine) -> Iterator[str]:
    yield f"      Local id: {line.local_identity}"
    yield f"      Remote id: {line.remote_identity}"
    for title in ("req msg id: ", "next msg id:", "req queued: "):
        yield f"      Local {title} {line.next_request:<14} Remote {title} {line.next_answer:<10}"
    yield f"      Local window:      {line.local_window:<14} Remote window:      {line.remote_window:<10}"
    yield f"      DPD configured for {line.dpd} seconds, retry {line.dpd_retry}"
    yield f"      {'IETF Std Fragmentation  configured.' if line.fragmentation else 'Fragmentation not  configured.'}"
    yield "      Dynamic Route Update: disabled"
    yield "      Extended Authentication not configured."
    yield f"      {_nat(line)}"
    yield "      Cisco Trust Security SGT is disabled"
    yield f"      Initiator of SA : {'Yes' if line.initiator else 'No'}"


def _nat(line: SaLine) -> str:
    """Return where the translator is: inside: we are behind it; outside: the peer is."""
    where = [word for word, there in (("inside", line.nat_inside), ("outside", line.nat_outside)) if there]
    return f"NAT-T is detected {' and '.join(where)}" if where else "NAT-T is not detected  "


_HELP: Final = {
    "crypto": "Encryption",
    "ikev2": "IKE version 2",
    "sa": "IKE SAs",
    "session": "IKE SAs with their pairs of ESP",
    "local": "By our address",
    "remote": "By the peer's address",
    "fvrf": "By the VRF of the packets outside",
    "detailed": "With all particulars",
}
_WHICH: Final = (
    "[ local ( {local:address} | {local:address6} ) | remote ( {remote:address} | {remote:address6} ) "
    "| fvrf {fvrf:word} ]"
)
COMMANDS: Final = (
    ExecCommand(f"show crypto ikev2 sa {_WHICH}", _HELP, query=sas, render=render_sas),
    ExecCommand(f"show crypto ikev2 sa {_WHICH} detailed", _HELP, query=sas, render=render_sas_in_detail),
    ExecCommand("show crypto ikev2 session", _HELP, query=sessions, render=render_sessions),
    ExecCommand("show crypto ikev2 session detailed", _HELP, query=sessions, render=render_sessions_in_detail),
)
