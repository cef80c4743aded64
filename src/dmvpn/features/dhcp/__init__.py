"""DHCP: server, relay agent and client (RFC 2131, RFC 2132, RFC 1542, RFC 3046, RFC 3396, RFC 3442, RFC 8415).

packet    octets <-> messages and their options
machine   who gets each message; leases become addresses and routes
server    pools, bindings, conflicts      relay    helper addresses, option 82
client    the states of a lease, also for hosts of labs
client6   the same over IPv6, for hosts of labs alone
leases    bindings, their shares and their file, of both versions of IP
version6  server and relay agent of IPv6          packet6  its messages
config    its lines                       model    what they mean
show      show ip dhcp ..., show dhcp lease; clear, renew, release
metrics   leased addresses, messages
messages  log, debugs                     explain  what its lines and words mean
"""

from dmvpn.features.dhcp import config
from dmvpn.features.dhcp.messages import CLIENT, MESSAGES, SERVER
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

FEATURE = Feature(
    name="dhcp",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.dhcp.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.dhcp.machine:DhcpMachine"),
    messages=MESSAGES,
    debugs=(
        DebugFlag(SERVER, SERVER, "DHCP server packet", "DHCP server"),
        DebugFlag(CLIENT, CLIENT, "DHCP client activity", "DHCP client"),
    ),
    udp=Later("dmvpn.features.dhcp.show:udp_ports"),
    explanations=Later("dmvpn.features.dhcp.explain:GROUPS"),
    metrics=Later("dmvpn.features.dhcp.metrics:METRICS"),
)
