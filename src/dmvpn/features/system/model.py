"""The typed configuration of this feature, as its machine and the sessions read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmvpn.features.system.clock import TimeZone
from dmvpn.features.system.names import NamesConfig
from dmvpn.features.system.syslog import LoggingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """`line con 0`, `line vty 0 4`.

    kind: "con", "aux", "vty".
    length, width: of the screen; 0: no paging, no wrapping.
    timeout: seconds of silence until logout, 0: never. Unlike IOS's, our console is a shell on the machine that runs
        the router, and is not left behind in a rack: it waits forever unless `exec-timeout` says otherwise.
    """

    kind: str
    first: int = 0
    last: int = 0
    timeout: int = 0
    length: int = 24
    width: int = 80
    synchronous: bool = False
    history: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """Everything here that a configuration can say.

    secret: of `enable`, as typed ("0 word", "9 $9$..."), "": none.
    file_prompts_quiet: `file prompt quiet`: commands on files ask nothing.
    """

    logging: LoggingConfig = field(default_factory=LoggingConfig)
    zone: TimeZone = field(default_factory=TimeZone)
    names: NamesConfig = field(default_factory=NamesConfig)
    lines: tuple[LineConfig, ...] = ()
    secret: str = field(default="", repr=False)
    file_prompts_quiet: bool = False

    def line(self, kind: str, number: int = 0) -> LineConfig:
        """How the line of this kind and number is set up."""
        fitting = (line for line in self.lines if line.kind == kind and line.first <= number <= line.last)
        return next(fitting, LineConfig(kind=kind, first=number, last=number, timeout=default_timeout(kind)))


def default_timeout(kind: str) -> int:
    """`exec-timeout` where none is configured, seconds."""
    return 600 if kind == "vty" else 0
