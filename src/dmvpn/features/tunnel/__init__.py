"""GRE tunnels, point-to-point and multipoint: RFC 2784, RFC 2890 (keys), and IOS's additions.

Takes the `tunnel ...` lines, `InterfaceChanged`, `RouteChanged`, `HoldTunnel` (NHRP's `if-state`) and keepalives;
makes `TunnelState`s: `SetTunnel`, `SetCarrier`, `TunnelChanged`, `LineProtocolDecided`, `LineEnds`, `ports.Tunnels`.

    model     the typed configuration              line        why a tunnel is up or down
    machine   all tunnels, and whether the far end answers keepalives
    show      packets that reached no tunnel     lint        rules for `dmvpn lint`
    facts     what judges outside may know
"""

from dmvpn.features.tunnel import config, messages
from dmvpn.ios import DebugFlag, Feature, LateMachine, Later

FEATURE = Feature(
    name="tunnel",
    config=config.LINES,
    model=config.model,
    commands=Later("dmvpn.features.tunnel.show:COMMANDS"),
    machine=LateMachine("dmvpn.features.tunnel.machine:TunnelMachine"),
    endings=config.ENDINGS,
    messages=messages.MESSAGES,
    debugs=(
        DebugFlag(messages.TUNNEL, "tunnel", "Tunnel Interface", "Tunnel", dmvpn="detail tunnel"),
        DebugFlag(messages.KEEPALIVE, "tunnel keepalive", "Tunnel keepalive", "Tunnel", dmvpn="detail tunnel"),
    ),
    explanations=Later("dmvpn.features.tunnel.explain:GROUPS"),
    metrics=Later("dmvpn.features.tunnel.metrics:METRICS"),
)
