"""Successful and failed logins, and whether logins are blocked for a while (`login block-for`).

A front end asks before it accepts a login, and reports the result. While logins are blocked, only addresses of `login
quiet-mode access-class` may log in. Wrong passwords are counted over all addresses, as on IOS.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.filters import Packet, TcpFlag
from dmvpn.features.system import messages
from dmvpn.features.system.model import SystemConfig
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.features.system.events import LoginFailed, LoginSucceeded

#: Wrong passwords that are remembered.
_MOST: Final = 1_000
_ANYWHERE: Final = IPv4Address(0)


class Logins:
    """The doors of one router."""

    def __init__(self, context: Context) -> None:
        self._config = SystemConfig()
        self._context = context
        self._failures: deque[float] = deque(maxlen=_MOST)
        self._reopen = Timer("let users log in again, after too many wrong passwords", self._let_in)

    def configure(self, config: SystemConfig) -> None:
        """Take over a new configuration."""
        self._config = config

    def is_quiet(self, now: float) -> bool:
        """Return whether the door is closed."""
        until = self._context.timers.when(self._reopen)
        return until is not None and now < until

    def refuses(self, location: str, now: float, vrf: str = "") -> str:
        """Return why a login from this address in a VRF ("": in the global table) is refused in advance; "" if they
        may.
        """
        if self._is_denied(location, vrf):
            return "the access class of no line has this address"
        quiet_list = self._config.ssh.quiet_list
        if self.is_quiet(now) and not (quiet_list and self.permits(quiet_list, location)):
            return "too many wrong passwords: nobody is let in for a while"
        return ""

    def _is_denied(self, location: str, vrf: str) -> bool:
        """Return whether all lines for SSH have an access class, and none of these has the address in this VRF."""
        lines = [line for line in self._config.lines if line.kind == "vty" and line.ssh]
        lists = [line.list_for(vrf) for line in lines]
        return bool(lines) and not any(name is not None and self.permits(name, location) for name in lists)

    def permits(self, name: str, location: str) -> bool:
        """Return whether an access list lets this address in. A missing access list permits none."""
        if not name:
            return True
        found = self._context.ports.policies.filter_list(name)
        try:
            address = ip_address(location)
        except ValueError:
            return False
        if found is None or not isinstance(address, IPv4Address):
            return False
        packet = Packet(
            protocol=IpProtocol.TCP, source=address, destination=_ANYWHERE, destination_port=22, flags=TcpFlag.SYN
        )
        entry = found.decides(packet)
        return entry is not None and entry.permit

    def succeeded(self, event: LoginSucceeded) -> None:
        """Log a successful login."""
        if self._config.ssh.log.success:
            self._context.emit(messages.LoginSuccess.of(event.user, event.location, event.port, self._at()))

    def failed(self, event: LoginFailed) -> None:
        """Log a failed login: too many of them block logins, unless the address is denied anyway."""
        now, at, block = self._context.now, self._at(), self._config.ssh.block
        if self._config.ssh.log.failure:
            self._context.emit(messages.LoginRefused.of(event.user, event.location, event.port, at))
        if block is None or self.is_quiet(now) or self._is_denied(event.location, event.through):
            return
        self._failures.append(now)
        while self._failures[0] < now - block.within:
            self._failures.popleft()
        if len(self._failures) >= block.attempts:
            self._failures.clear()
            self._context.start(self._reopen, block.seconds)
            quiet_list = self._config.ssh.quiet_list
            self._context.emit(messages.QuietModeOn.of(event.user, event.location, event.port, quiet_list, at))

    def _let_in(self) -> None:
        """Open the door again."""
        self._context.emit(messages.QuietModeOff.at(self._at()))

    def _at(self) -> str:
        moment = self._context.ports.clock.local(self._context.now)
        zone = self._config.zone.name
        return f"{moment:%H:%M:%S} {zone} {moment:%a %b} {moment.day} {moment.year}"
