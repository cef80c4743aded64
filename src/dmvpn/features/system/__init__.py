"""The router as a computer: its clock, log and debugs, its names and lines, ping and traceroute.

    clock.py        wall time over monotonic time; the ways in which IOS writes a time
    syslog.py       Log and DebugOutput notices -> stamped lines -> buffer, terminals, log hosts
    ping.py, probes.py    ping and traceroute, one probe each, and all that run
    machine.py      SystemMachine: hands each event to one of these; answers ports.clock and ports.debugging
    config, show, reports.py, messages.py          what people type, and what they read
    model.py, events.py                            the typed configuration; orders of sessions
    facts.py                                       what judges outside may know

Notices of other features arrive as `Log` and `DebugOutput`; finished lines leave as `ConsoleLine`. A session starts a
job (`StartPing`, `SetDebug` ...), reads `JobOutput` and waits for `JobDone`. The commands that switch debugs are made
of the flags of all features by `debug_commands`, since no feature may know another.
"""

from dmvpn.features.system import machine
from dmvpn.features.system.config import CONFIG, MODES, model
from dmvpn.features.system.events import (
    ConfigurationLeft,
    ConfigurationReloaded,
    HostDescribed,
    LoginFailed,
    LoginSucceeded,
)
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.system.messages import MESSAGES
from dmvpn.features.system.model import LineConfig, Login, SystemConfig
from dmvpn.ios import DebugFlag, Feature, Later

FEATURE = Feature(
    name="system",
    modes=MODES,
    config=CONFIG,
    commands=Later("dmvpn.features.system.show:COMMANDS"),
    model=model,
    machine=SystemMachine,
    messages=MESSAGES,
    debugs=(
        DebugFlag(machine.PACKET, "ip packet [ detail ]", "IP packet", "Generic IP"),
        DebugFlag(machine.ICMP, "ip icmp", "ICMP packet", "Generic IP"),
    ),
    tcp=Later("dmvpn.features.system.show.sockets:of_log_hosts"),
    explanations=Later("dmvpn.features.system.explain:GROUPS"),
    metrics=Later("dmvpn.features.system.metrics:METRICS"),
)
