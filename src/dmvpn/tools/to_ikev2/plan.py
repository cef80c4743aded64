"""The order in which a network moves to IKEv2, step by step, and what keeps it from moving.

    answer   servers before their clients: IKEv2 lines beside those of isakmp. Nothing is taken away.
    begin    clients before their servers: the IPsec profiles name the ikev2 profile. A router that begins with IKEv2
             may refuse IKEv1 from here on, so a server comes after all that begin with it.
    remove   clients before their servers: nothing begins with the isakmp lines any more.

Every step is entered in the configuration that the steps before it made, so what a file holds is taken as it is.
"""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios import Fate
from dmvpn.network.lines import after
from dmvpn.network.overlay import Network
from dmvpn.tools.to_ikev2.written import Remainder, Written, identities, remains, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.network.device import Device


#: Ends the SAs by isakmp lines; the clients begin again at once.
_RENEW: Final = "clear crypto session"


class Stage(enum.Enum):
    """What a step is for."""

    ANSWER = "answer"
    BEGIN = "begin"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one router.

    lines: for configuration mode.
    then: a command for the prompt behind them, "" for none: SAs that are up outlive the lines.
    """

    number: int
    stage: Stage
    router: str
    lines: tuple[str, ...]
    then: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in their order.

    configurations: of each router that moves, what it has after the last step.
    moved: routers that are on IKEv2 already.
    """

    steps: tuple[Step, ...]
    configurations: dict[str, str]
    remains: tuple[Remainder, ...]
    moved: tuple[str, ...]


def plan(devices: Sequence[Device]) -> Plan:
    """Return how these routers move to IKEv2, one after the other. Raises UserError if they cannot.

    devices: of one network; the name of each is that of its file.
    """
    network = _Moving(devices)
    network.check()
    found = {device: remains(device, device.name) for device in network.movers}
    names = tuple(dict.fromkeys(name for device in network.movers for name in identities(device)))
    lines = {
        device: written(device, names, keeps_isakmp=any(one.needs_isakmp for one in found[device]))
        for device in network.movers
    }
    steps = tuple(_steps(network, lines))
    texts = {device.hostname: device.text for device in network.movers}
    for step in steps:
        texts[step.router] = after(texts[step.router], step.lines)
    moved = tuple(device.hostname for device in devices if network.is_moved(device))
    return Plan(steps, texts, tuple(one for each in found.values() for one in each), moved)


def _steps(network: _Moving, lines: dict[Device, Written]) -> Iterator[Step]:
    servers_first = network.servers_first
    typed = [(Stage.ANSWER, device, lines[device].answers) for device in servers_first]
    typed += [(Stage.BEGIN, device, lines[device].begins) for device in reversed(servers_first)]
    typed += [(Stage.REMOVE, device, lines[device].removes) for device in reversed(servers_first)]
    there = [(stage, device, said) for stage, device, said in typed if said]
    for number, (stage, device, said) in enumerate(there, 1):
        then = _RENEW if stage is Stage.BEGIN and network.has_old_sas(device) else ""
        yield Step(number, stage, device.hostname, said, then)


class _Moving:
    """The routers of a network. movers: the routers that have isakmp lines for their tunnels."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.network = Network(devices)
        self.movers = [device for device in devices if _is_protected(device) and _has_isakmp(device)]

    def is_moved(self, device: Device) -> bool:
        """Return whether it is on IKEv2 already, and has no isakmp lines for its tunnels."""
        return _is_protected(device) and device not in self.movers

    def has_old_sas(self, device: Device) -> bool:
        """Return whether SAs by its isakmp lines are left. Those of a mere server are renewed by its clients, unless
        its IPsec profile names an isakmp profile, which the clients use with IKEv2 until then.
        """
        ends = self.network.ends_of(device)
        begins = any(end.is_client or end.tunnel.destination is not None for end in ends)
        return begins or any(profile.isakmp_profile for profile in device.ipsec.profiles)

    def check(self) -> None:
        """Check that everything is there that a safe order depends on. Raises UserError."""
        if not self.movers:
            raise UserError("nothing to move: no router here has tunnels that crypto isakmp lines protect")
        by_name: dict[str, Device] = {}
        for device in self.movers:
            other = by_name.setdefault(device.hostname, device)
            if other is not device:
                raise UserError(f"{other.name} and {device.name} are both {device.hostname}: give one another hostname")
            self._check_lines(device)
        for link in self.network.links:
            if link.client.device in self.movers and link.server is None and link.there is None:
                place = link.client.device.places.find(link.at)
                where = f"{link.client.device.name}:{place.number}" if place else link.client.device.name
                raise UserError(
                    f"{where}: {' '.join(link.at[1:])}: no router in these files has this address. Servers change "
                    "before their clients: add its configuration"
                )

    @staticmethod
    def _check_lines(device: Device) -> None:
        refused = next((entry for entry in device.entries if entry.fate is Fate.REFUSED), None)
        if refused is not None:
            raise UserError(f"{device.name}:{refused.number}: {refused.text}: this line is not taken: correct it first")
        if device.ikev2.profiles or device.ikev2.keyrings:
            own = [f"profile {one.name}" for one in device.ikev2.profiles]
            own += [f"keyring {one.name}" for one in device.ikev2.keyrings]
            line = f"crypto ikev2 {own[0]}"
            place = device.places.find((line,))
            where = f"{device.name}:{place.number}" if place else device.name
            raise UserError(
                f"{where}: {line}: {device.hostname} has lines of both versions: finish its move, or take its IKEv2 "
                "lines out first"
            )

    @cached_property
    def servers_first(self) -> list[Device]:
        """The routers that move, each server before its clients; of a circle, in the order of the files."""
        is_server = {end.device: True for end in self.network.servers}
        ordered: dict[Device, bool] = {}
        begun: dict[Device, bool] = {}
        for first in sorted(self.network.devices, key=lambda device: device not in is_server):
            waiting = [first]
            while waiting:
                device = waiting[-1]
                servers = [] if device in begun else [one for one in self._servers(device) if one not in begun]
                begun[device] = True
                waiting += servers
                if not servers:
                    ordered[waiting.pop()] = True
        return [device for device in ordered if device in self.movers]

    def _servers(self, device: Device) -> list[Device]:
        ends = self.network.ends_of(device)
        return [server.device for end in ends for server in self.network.servers_of(end)]


def _is_protected(device: Device) -> bool:
    return any(tunnel.protection and not tunnel.shutdown for tunnel in device.tunnels.tunnels)


def _has_isakmp(device: Device) -> bool:
    isakmp = device.ikev2.isakmp
    return bool(isakmp.keys or isakmp.profiles or isakmp.policies)
