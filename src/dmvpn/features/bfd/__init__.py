"""Bidirectional Forwarding Detection: RFC 5880, RFC 5881; asynchronous mode over one hop, without echoes.

Takes the `bfd` lines of interfaces, `WatchWanted` of protocols and packets to UDP port 3784; makes `PathLost`, and for
static routes `PathWatched`.

    machine   all sessions: packets, timers, clients
    session   one session, and the keys that seal its packets
    packet    octets <-> values; authentication; states and moves of a session; packets that are not taken
    model, config, show, messages, reasons, explain   the language, the tables, the log

Not here: demand mode of our own (the far end's is obeyed), echoes, several hops (port 4784).
"""

from dmvpn.features.bfd import config, messages
from dmvpn.ios import DebugFlag, Feature, LateMachine, Later

FEATURE = Feature(
    name="bfd",
    modes=(config.MODE,),
    config=config.LINES,
    commands=Later("dmvpn.features.bfd.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.bfd.machine:BfdMachine"),
    messages=messages.MESSAGES,
    debugs=(
        DebugFlag(messages.EVENT, messages.EVENT, "BFD events", "BFD"),
        DebugFlag(messages.PACKET, messages.PACKET, "BFD packets", "BFD"),
    ),
    udp=Later("dmvpn.features.bfd.show:udp_ports"),
    explanations=Later("dmvpn.features.bfd.explain:GROUPS"),
    metrics=Later("dmvpn.features.bfd.metrics:METRICS"),
)
