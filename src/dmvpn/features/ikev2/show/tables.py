"""How `show crypto ikev2 sa`, `session` and `stats` and `show crypto isakmp sa` read on a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.protection import IkePhase, IkeStats
from dmvpn.features.ikev2.config import model
from dmvpn.features.ikev2.model import Ikev2Config
from dmvpn.features.ikev2.show import sas
from dmvpn.features.ikev2.views import ClearIkeStats
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.features.ikev2.show.sas import ChildLine, SaLine, SessionLines, ShowSas, ShowSessions

_HEAD = "Tunnel-id Local                 Remote                fvrf/ivrf            Status "
_HEAD_6 = "Tunnel-id    fvrf/ivrf              Status    "
_UNKNOWN = "Unknown"

T = TypeVar("T")


# ------------------------------------------------------------------------------------------------ show crypto ikev2 sa


def render_sas(answer: ShowSas) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 sa`."""
    return _by_family("IKEv2  SA", answer.sas, _version, lambda line: _sa_paragraph(line, detail=False))


def render_sas_in_detail(answer: ShowSas) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 sa detailed`."""
    return _by_family("IKEv2  SA", answer.sas, _version, lambda line: _sa_paragraph(line, detail=True))


def render_sessions(answer: ShowSessions) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 session`."""
    return _by_family("IKEv2 Session", answer.sessions, _session_version, lambda each: _session(each, detail=False))


def render_sessions_in_detail(answer: ShowSessions) -> Iterator[str]:
    """Return the lines of `show crypto ikev2 session detailed`."""
    return _by_family("IKEv2 Session", answer.sessions, _session_version, lambda each: _session(each, detail=True))


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


def _session(session: SessionLines, *, detail: bool) -> Iterator[str]:
    counts = f"IKE count:{len(session.sas)}, CHILD count:{len(session.children)}"
    yield f"Session-id:{session.number}, Status:{session.status}, {counts}"
    yield ""
    for line in session.sas:
        yield from _sa_lines(line, detail=detail)
    for child in session.children:
        yield from _child_lines(child, detail=detail)
    yield ""


def _sa_lines(line: SaLine, *, detail: bool) -> Iterator[str]:
    if line.remote.version == 4:
        local, remote = f"{line.local}/{line.local_port}", f"{line.remote}/{line.remote_port}"
        yield _HEAD
        yield f"{line.number:<9} {local:<21} {remote:<21} {'none/none':<20} {line.status:<7}"
    else:
        yield _HEAD_6
        yield f"{line.number:<10} {'none/none':<21} {line.status:<7}"
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
    """Return the names of the algorithms; IOS writes "Unknown - 0" for what is not negotiated yet; parsers read this
    and do not read that.
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


def _child_lines(child: ChildLine, *, detail: bool) -> Iterator[str]:
    yield f"Child sa: local selector  {child.local_selector}"
    yield f"          remote selector {child.remote_selector}"
    yield f"          ESP spi in/out: 0x{child.spi_in:X}/0x{child.spi_out:X}  "
    if detail:
        yield "          AH spi in/out: 0x0/0x0  "
        yield "          CPI in/out: 0x0/0x0  "
        yield f"          Encr: {child.encryption}, keysize: {child.bits}, esp_hmac: {child.hash}"
        yield f"          ah_hmac: None, comp: IPCOMP_NONE, mode {'transport' if child.transport else 'tunnel'}"


# ----------------------------------------------------------------------------------------------- show crypto isakmp sa


def render_isakmp(answer: ShowSas) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp sa`, in the words of IKE version 1."""
    for family in (4, 6):
        yield f"IPv{family} Crypto ISAKMP SA"
        if family == 4:
            yield "dst             src             state          conn-id status"
        for line in answer.sas:
            if line.remote.version == family:
                source, target = (line.local, line.remote) if line.initiator else (line.remote, line.local)
                state, status = _in_words_of_isakmp(line)
                yield f"{target!s:<15} {source!s:<15} {state:<14} {1000 + line.number:>7} {status}"
        yield ""


def _in_words_of_isakmp(line: SaLine) -> tuple[str, str]:
    if line.status == IkePhase.READY.value:
        return "QM_IDLE", "ACTIVE"
    if line.status == IkePhase.DELETED.value:
        return "MM_NO_STATE", "ACTIVE (deleted)"
    return ("MM_KEY_EXCH" if line.bits else "MM_NO_STATE"), "ACTIVE"


_HELP: Final = {
    "crypto": "Encryption",
    "ikev2": "IKE version 2",
    "isakmp": "IKE version 1; what its lines ask for runs as version 2",
    "sa": "IKE SAs",
    "session": "IKE SAs with their pairs of ESP",
    "local": "By our address",
    "remote": "By the peer's address",
    "detailed": "With all particulars",
}
_WHICH: Final = "[ local ( {local:address} | {local:address6} ) | remote ( {remote:address} | {remote:address6} ) ]"


# ----------------------------------------------------------------------------------------------------------- statistics


_RULE = "-" * 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStats:
    """The answer. maximum, maximum_half_open: as configured, 0: no limit."""

    maximum: int
    maximum_half_open: int
    incoming_active: int
    incoming_negotiating: int
    outgoing_active: int
    outgoing_negotiating: int
    counted: IkeStats


def query(ctx: ShowContext, args: Args) -> ShowStats:
    """Return what is there now, and what was counted."""
    views, config = ctx.ports.ike.sas(), model(ctx.running) or Ikev2Config()
    count = {(initiator, phase): 0 for initiator in (True, False) for phase in IkePhase}
    for view in views:
        count[view.initiator, view.phase] += 1
    return ShowStats(
        maximum=config.maximum_sas,
        maximum_half_open=config.maximum_half_open,
        incoming_active=count[False, IkePhase.READY],
        incoming_negotiating=count[False, IkePhase.INIT],
        outgoing_active=count[True, IkePhase.READY],
        outgoing_negotiating=count[True, IkePhase.INIT],
        counted=ctx.ports.ike.stats(),
    )


def clear(_: ShowContext, args: Args) -> ClearIkeStats:
    """Clear the counters (`clear crypto ikev2 stats`)."""
    return ClearIkeStats()


def render(answer: ShowStats) -> Iterator[str]:
    """Yield the table of IOS."""
    counted = answer.counted
    yield _RULE
    yield f"{'':26}Crypto IKEv2 SA Statistics"
    yield _RULE
    yield (
        f"System Resource Limit:   0        Max IKEv2 SAs: {answer.maximum:<8} "
        f"Max in nego(in/out): {answer.maximum_half_open}/{answer.maximum_half_open}"
    )
    for way, active, negotiating in (
        ("incoming", answer.incoming_active, answer.incoming_negotiating),
        ("outgoing", answer.outgoing_active, answer.outgoing_negotiating),
    ):
        yield (
            f"Total {way} IKEv2 SA Count:    {active + negotiating:<8} active:        {active:<8} "
            f"negotiating: {negotiating}"
        )
    for title, requests, accepted, rejected in (
        ("Incoming", counted.incoming, counted.incoming_accepted, counted.incoming_rejected),
        ("Outgoing", counted.outgoing, counted.outgoing_accepted, counted.outgoing_rejected),
    ):
        yield f"{title} IKEv2 Requests: {requests:<8} accepted:      {accepted:<8} rejected:    {rejected:<8}"
    refused = counted.incoming_rejected + counted.outgoing_rejected
    yield f"Rejected IKEv2 Requests: {refused:<8} rsrc low:      0        SA limit:    {counted.refused_by_limit:<8}"
    yield f"IKEv2 packets dropped at dispatch: {counted.dropped}"
    yield "Incoming Requests dropped as LOW Q limit reached : 0"
    yield f"Incoming IKEV2 Cookie Challenged Requests: {counted.challenged}"
    without = max(0, counted.challenged - counted.cookies_accepted - counted.cookies_rejected)
    yield (
        f"    accepted: {counted.cookies_accepted:<8} rejected: {counted.cookies_rejected:<8} "
        f"rejected no cookie: {without}"
    )
    yield "Total Deleted sessions of Cert Revoked Peers: 0"
    yield ""


_STATS_HELP: Final = {"ikev2": "IKE version 2", "stats": "What was counted"}
COMMANDS: Final = (
    ExecCommand(f"show crypto ikev2 sa {_WHICH}", _HELP, query=sas.sas, render=render_sas),
    ExecCommand(f"show crypto ikev2 sa {_WHICH} detailed", _HELP, query=sas.sas, render=render_sas_in_detail),
    ExecCommand("show crypto ikev2 session", _HELP, query=sas.sessions, render=render_sessions),
    ExecCommand("show crypto ikev2 session detailed", _HELP, query=sas.sessions, render=render_sessions_in_detail),
    ExecCommand("show crypto isakmp sa", _HELP, query=sas.sas_of_isakmp, render=render_isakmp),
    ExecCommand("show crypto ikev2 stats", _STATS_HELP, query=query, render=render),
    ExecCommand("clear crypto ikev2 stats", _STATS_HELP, action=clear, privilege=15),
)
