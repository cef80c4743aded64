"""What the two ends of a tunnel must agree on."""

from __future__ import annotations

from typing import Final

from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.terms import Term
from dmvpn.features.tunnel.config import KEY as KEY_LINE
from dmvpn.features.tunnel.model import TunnelSettings
from dmvpn.ios import INTERFACE

#: A key that no network has.
_NOBODYS: Final = 4711


def _key_lines(end: TunnelSettings, key: int | None) -> tuple[str, ...]:
    return INTERFACE.line(name=end.name), KEY_LINE.no() if key is None else KEY_LINE.line(key=key)


KEY: Final = Term["TunnelSettings", "int | None"](
    rule=rule(Severity.ERROR)(r"""
        tunnel-key-differs: The two ends of a tunnel have different keys
        A packet with another key, or with none, is for no tunnel here and is dropped silently when it is decapsulated
        (RFC 2890 §2.1): NHRP never sees it, so the registration goes unanswered.
        bad: interface Tunnel0\n tunnel key 200
        fix: interface Tunnel0\n tunnel key 100
        """),
    cause=Cause.KEY,
    name="tunnel key",
    effect="each drops what the other one sends",
    see=lambda end: end.key,
    words=lambda key: "no tunnel key" if key is None else f"tunnel key {key}",
    place=lambda end: (f"interface {end.name}", "tunnel key"),
    lines=_key_lines,
    other=_NOBODYS,
)
TERMS: Final = (KEY,)
