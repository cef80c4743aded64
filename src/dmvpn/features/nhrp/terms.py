"""What a client and its server must agree on in NHRP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Term
from dmvpn.features.nhrp.config.lines import AUTHENTICATION, of_version
from dmvpn.features.nhrp.packet import ErrorCode
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.ios import INTERFACE
from dmvpn.ios.hidden_secrets import compare, is_hidden

if TYPE_CHECKING:
    from dmvpn.base.facts import ReasonFacts
    from dmvpn.features.nhrp.model import TunnelConfig


def _password(end: TunnelConfig) -> str:
    """Return what packets have of the password, or the mark in its place."""
    return end.authentication if is_hidden(end.authentication) else end.password.decode(errors="replace")


def _password_lines(end: TunnelConfig, password: str) -> tuple[str, ...]:
    line = of_version(AUTHENTICATION, end.version)
    return INTERFACE.line(name=end.name), line.line(password=password) if password else line.no()


def refuses_password(reason: ReasonFacts) -> bool:
    """Return whether one end refuses the password of the other, according to its reason."""
    if said := reason.find(NhrpReason.OBJECTION):
        return ErrorCode.AUTHENTICATION_FAILURE in said.fields
    return reason.find(NhrpReason.OTHER_PASSWORD) is not None


PASSWORD: Final = Term["TunnelConfig", str](
    rule=rule(Severity.ERROR)(r"""
        nhrp-authentication-differs: The NHRP passwords of client and server differ
        The server refuses a registration whose password is not its own with an Error Indication, code 11 (RFC 2332
        §5.2.7); a server without a password drops packets that have one. The spoke stays in state NHRP.
        bad: interface Tunnel0\n ip nhrp authentication OTHER
        fix: interface Tunnel0\n ip nhrp authentication <secret>
        """),
    cause=Cause.AUTHENTICATION,
    name="NHRP password",
    see=_password,
    words=lambda password: "an NHRP password" if password else "no NHRP password",
    fits=compare,
    shown=lambda password: SECRET if password else "",
    place=lambda end: (f"interface {end.name}", f"{ip_keyword(end.version)} nhrp authentication"),
    lines=_password_lines,
    protects=bool,
    refuses=refuses_password,
    other="NOTOURS",
)
TERMS: Final = (PASSWORD,)
