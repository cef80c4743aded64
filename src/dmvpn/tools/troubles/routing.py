"""Troubles of routing over the tunnels."""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import interfaces as eigrp_ports
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config import sections
from dmvpn.features.eigrp.terms import WEIGHTS
from dmvpn.ios import common
from dmvpn.network.terms.eigrp import EIGRP
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import EIGRP as EIGRP_PROCESS
from dmvpn.tools.troubles.model import Command, Differ, Eigrp, Need, Rewrite, Role, Trouble, spoke, word
from dmvpn.tools.troubles.orders import renumbered, without_networks

_NOT_OURS: Final = "not-ours"
_no_routes: Final = partial(
    Trouble, complaint="{spoke.name} does not reach the head office. Its tunnel is up, says monitoring."
)
_NEIGHBORS: Final = "It is registered, and no routes come. `show ip eigrp neighbors` at both ends."

ROUTING: Final = (
    _no_routes(
        id="eigrp-as",
        title="A spoke's EIGRP is in another autonomous system",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(renumbered, number=4711)),),
        hints=(
            _NEIGHBORS,
            "What has to be alike at both ends before EIGRP routers talk?",
            "The autonomous system is {hub.as}.",
        ),
        causes=(Cause.AUTONOMOUS_SYSTEM,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    pieces.gone(
        id="lan-not-announced",
        title="A spoke does not announce its LAN",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="lan_address")),),
        hints=(
            "The router is up. Who knows where its LAN is?",
            "`show ip route {spoke.lan_network}` at {hub.name}, `show ip protocols` at {spoke.name}.",
            "A `network` statement for {spoke.lan_network} is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    _no_routes(
        id="tunnel-not-announced",
        title="A spoke runs no EIGRP on its tunnel",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")),),
        hints=(
            _NEIGHBORS,
            "`show ip eigrp interfaces` at {spoke.name}: which one is missing?",
            "A `network` statement for {spoke.tunnel_network} is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    Trouble(
        id="hub-tunnel-not-announced",
        title="The hub runs no EIGRP on its tunnel",
        acts=(Rewrite(Role.HUB, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")),),
        complaint="The branches reach neither the head office nor each other. Their tunnels are up, says monitoring.",
        hints=(
            "All are registered, and no routes come.",
            "`show ip eigrp interfaces` at {hub.name}: which one is missing?",
            "A `network` statement for {hub.tunnel_network} is missing at {hub.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    _no_routes(
        id="passive-interface",
        title="A spoke's tunnel is a passive interface",
        acts=(
            Eigrp(
                Role.SPOKE,
                named=(eigrp_ports.AF_PASSIVE.of(),),
                classic=(
                    eigrp_lines.ROUTER_CLASSIC.of(number=word("eigrp")),
                    eigrp_lines.PASSIVE.of(name=word("tunnel")),
                ),
            ),
        ),
        hints=(
            _NEIGHBORS,
            "`show ip protocols` at {spoke.name}: where does EIGRP keep silent?",
            "{spoke.tunnel} is passive: `no passive-interface`.",
        ),
        causes=(Cause.PASSIVE_INTERFACE,),
    ),
    Trouble(
        id="split-horizon",
        title="The hub keeps from each spoke what it learnt from the others",
        acts=(
            pieces.on_tunnel(Role.HUB, (sections.SPLIT_HORIZON, {})),
            Command(Role.HUB, ("clear ip eigrp neighbors",)),
            *pieces.FORGET,
        ),
        complaint="{spoke.name} and {other.name} do not reach each other. The head office reaches both.",
        hints=(
            "The hub has all routes. Does it pass them on?",
            "By which interface does a route come in at {hub.name}, and by which one would it go out?",
            "Split horizon has to be off on {hub.tunnel}.",
        ),
        causes=(Cause.SPLIT_HORIZON,),
        needs=(Need.ONE_HUB,),
    ),
    _no_routes(
        id="eigrp-authentication",
        title="A spoke's EIGRP wants authentication, the hub's does not",
        acts=(
            spoke(common.KEY_CHAIN.of(name="LESSON"), common.KEY.of(number=1), common.KEY_STRING.of(secret=_NOT_OURS)),
            pieces.on_tunnel(Role.SPOKE, (sections.MODE, {}), (sections.CHAIN, {"chain": "LESSON"})),
        ),
        hints=(
            _NEIGHBORS,
            "Hellos arrive, and are not believed. `show running-config | section eigrp` at both ends.",
            "{spoke.name} authenticates EIGRP on {spoke.tunnel}, {hub.name} does not.",
        ),
        causes=(Cause.EIGRP_AUTHENTICATION,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    Trouble(
        id="eigrp-timers",
        title="A spoke says hello less often than it may be silent",
        acts=(
            pieces.on_tunnel(
                Role.SPOKE, (sections.HELLO_INTERVAL, {"seconds": 60}), (sections.HOLD_TIME, {"seconds": 10})
            ),
        ),
        complaint="{spoke.name} works for a moment, then it is away for a minute, then it works again.",
        hints=(
            "It comes and goes. What does the log of {hub.name} say, and how regularly?",
            "How often does {spoke.name} say hello, and how long does the hub wait for it?",
            "The hello interval of {spoke.name} is longer than its hold time.",
        ),
        causes=(Cause.EIGRP_TIMERS,),
    ),
    _no_routes(
        id="eigrp-weights",
        title="A spoke's EIGRP has other K-values",
        acts=(Differ(Role.SPOKE, EIGRP, WEIGHTS),),
        needs=(Need.EIGRP,),
        hints=(
            _NEIGHBORS,
            "What has to be alike at both ends before EIGRP routers talk? The log says it.",
            "`metric weights` at {spoke.name} are not the hub's.",
        ),
    ),
    Trouble(
        id="hub-stub",
        title="The hub is an EIGRP stub: it passes nothing on",
        acts=(Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.stub.of(connected=True),)), *pieces.FORGET),
        complaint="{spoke.name} and {other.name} do not reach each other. The head office reaches both.",
        hints=(
            "The hub has all routes. Does it pass them on?",
            "`show ip eigrp neighbors detail` at {spoke.name}: what does the hub say of itself?",
            "`eigrp stub` belongs to spokes, not to {hub.name}.",
        ),
        causes=(Cause.HUB_STUB,),
        needs=(Need.ONE_HUB,),
    ),
    pieces.gone(
        id="spoke-stub",
        title="A spoke is an EIGRP stub that only listens: nobody hears of its LAN",
        acts=(Eigrp(Role.SPOKE, address_family=(eigrp_lines.IN_FAMILY.stub.of(receive_only=True),)), *pieces.FORGET),
        hints=(
            "The router is up, and it has all routes. Who knows where its LAN is?",
            "`show ip eigrp neighbors detail` at {hub.name}: what does {spoke.name} say of itself?",
            "A stub that is to be reached tells of what is connected: `eigrp stub connected summary` at {spoke.name}.",
        ),
        causes=(Cause.SPOKE_STUB,),
    ),
    Trouble(
        id="black-hole",
        title="A static route of a spoke sends what is for another spoke into nothing",
        acts=(spoke(pieces.route("other.lan_network", "other.lan_mask")),),
        complaint="{spoke.name} does not reach {other.name}. Everybody else does.",
        hints=(
            "One pair is concerned. Trace it from both ends.",
            "`show ip route {other.lan_network}` at {spoke.name}: who says so?",
            "A static route to Null0 is better than what EIGRP knows. It has to go.",
        ),
        causes=(Cause.BLACK_HOLE,),
    ),
)
