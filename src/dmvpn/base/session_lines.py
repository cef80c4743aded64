"""Lines about a crypto session that `show crypto session detail` and `show dmvpn detail` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.protection import IkeVersion, conn_id
from dmvpn.base.spans import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.sessions import SessionFlow, SessionIke


def ike_line(ike: SessionIke) -> str:
    """Return an IKE SA, in short."""
    state = "Active" if ike.active else "Inactive"
    ends = f"local {ike.local}/{ike.local_port} remote {ike.remote}/{ike.remote_port}"
    return f"  IKEv{ike.version.value} SA: {ends} {state} "


def ike_lines(ike: SessionIke) -> Iterator[str]:
    """Yield an IKE SA, with what it can do and how long it lives."""
    yield ike_line(ike)
    number = conn_id(ike.number) if ike.version == IkeVersion.V1 else ike.number
    lifetime = _clock(ike.lifetime) if ike.active else "0"
    yield f"          Capabilities:{ike.capabilities or '(none)'} connid:{number} lifetime:{lifetime}"


def flow_lines(flow: SessionFlow) -> Iterator[str]:
    """Yield the lines of a protected flow and its counters."""
    yield f"  IPSEC FLOW: {flow.text} "
    yield f"        Active SAs: {flow.sas}, origin: crypto map"
    received, sent = _kilobytes(flow.received_kilobytes_left), _kilobytes(flow.sent_kilobytes_left)
    yield (
        f"        Inbound:  #pkts dec'ed {flow.received} drop {flow.received_dropped} "
        f"life (KB/Sec) {received}/{flow.seconds_left}"
    )
    yield (
        f"        Outbound: #pkts enc'ed {flow.sent} drop {flow.sent_dropped} life (KB/Sec) {sent}/{flow.seconds_left}"
    )


def _kilobytes(left: int | None) -> str:
    return "KB Vol Rekey Disabled" if left is None else str(left)


def _clock(seconds: float) -> str:
    """Return a time as parsers want it: hours, minutes and seconds, however many hours."""
    total = int(seconds)
    return f"{total // HOUR:02}:{total % HOUR // MINUTE:02}:{total % MINUTE:02}"
