"""Events of this feature: orders of a session, and descriptions of the host from the shell."""

from __future__ import annotations

import enum

from dmvpn.base.addresses import IPAddress
from dmvpn.base.events import Event, Job
from dmvpn.base.values import Value


class HostDescribed(Event, Value, kw_only=True):
    """True figures of the machine under the router, for `show version`. A shell that cannot find them out sends no
    event.

    board: an identifier of the machine.
    memory_kb, used_kb, disk_kb: kilobytes.
    """

    board: str = "0000000000"
    memory_kb: int = 0
    used_kb: int = 0
    disk_kb: int = 0


class ConfigurationLeft(Event, Value):
    """A user leaves configuration mode. user, line: who, and on which line ("console", "vty0 (10.0.0.5)")."""

    user: str
    line: str


class ConfigurationReloaded(Event, Value):
    """The operator made the router read its configuration file again; the configuration itself came before this.

    refused: why it was not taken, and nothing changed.
    lost: unsaved lines that are gone, without keys.
    """

    path: str
    refused: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class LoginSucceeded(Event, Value):
    """A front end accepted a login. location: the far address. port: ours."""

    user: str
    location: str
    port: int


class LoginFailed(Event, Value):
    """A front end refused a password or key. location: the far address. port: ours.

    through: the VRF through which the session came, "": the global table.
    """

    user: str
    location: str
    port: int
    through: str = ""


class ClearLogging(Event, Value):
    """`clear logging`: empty the buffer."""


# ------------------------------------------------------------------------------------------------ debugging


class ConditionKind(enum.Enum):
    """The field that a debug condition checks; the value is how it is typed."""

    NBMA = "peer nbma"
    ADDRESS = "peer tunnel"
    INTERFACE = "interface"


class SetDebug(Job, Value):
    """`debug X`, `no debug X`: these debugs go on or off.

    debugs: of each the group, the title, the flag's name and what `show debugging` calls it, as in `ActiveDebug`.
    """

    debugs: tuple[tuple[str, str, str, str], ...]
    on: bool


class ClearDebug(Job, Value):
    """`undebug all`: every flag and every condition goes."""


class SetDebugCondition(Job, Value):
    """`[no] debug nhrp condition ...`: lines of the family (the first word of flags' names) pass for these only.

    value: an address or the name of an interface. kind None, with on=False: all conditions of the family.
    """

    family: str
    kind: ConditionKind | None
    value: str
    on: bool


# ------------------------------------------------------------------------------------------------ probes


class StartPing(Job, Value, kw_only=True):
    """`ping DESTINATION ...`.

    destination: an address or a name.
    version: of IP; None: that of the destination.
    source: an address, the name of an interface, or None: the plane chooses.
    size: octets of the IP packet.
    timeout: seconds that an answer may take.
    vrf: where to, "": in the global table.
    """

    destination: str
    version: int | None = None
    source: IPAddress | str | None = None
    repeat: int = 5
    size: int = 100
    timeout: float = 2.0
    df: bool = False
    pattern: int = 0xABCD
    vrf: str = ""


class StartTraceroute(Job, Value, kw_only=True):
    """`traceroute DESTINATION ...`: UDP datagrams with growing TTL.

    destination, version, source, vrf: as of a ping.
    probes: for each hop.
    timeout: seconds.
    port: of the first datagram; every further one has the next.
    """

    destination: str
    version: int | None = None
    source: IPAddress | str | None = None
    probes: int = 3
    timeout: float = 3.0
    first_ttl: int = 1
    last_ttl: int = 30
    port: int = 33434
    vrf: str = ""
