"""The configuration of BFD, as values."""

from __future__ import annotations

from dmvpn.base.credentials import KeyChain
from dmvpn.base.pages import Pages
from dmvpn.base.values import Value
from dmvpn.features.bfd.packet import AuthType

#: Milliseconds between packets while a session is not up; RFC 5880 §6.8.3 asks for a second at least.
SLOW_TIMER = 1000


class AuthenticationSettings(Value):
    """`authentication ... keychain ...` of a template."""

    type: AuthType
    chain: str


class Parameters(Value):
    """`bfd interval`, or the lines of a template. Milliseconds: how often we send, and how often we can receive."""

    interval: int
    min_rx: int
    multiplier: int
    authentication: AuthenticationSettings | None = None


class BfdConfig(Value):
    """interfaces: those with parameters, in the order of the configuration. slow_timer: milliseconds."""

    interfaces: tuple[tuple[str, Parameters], ...] = ()
    slow_timer: int = SLOW_TIMER
    key_chains: Pages[KeyChain] | tuple[KeyChain, ...] = ()

    def parameters(self, interface: str) -> Parameters | None:
        """Return the parameters of sessions on an interface; None: there are none, so no session exists there."""
        return next((parameters for name, parameters in self.interfaces if name == interface), None)
