"""Tracked objects, and echoes of IP SLA: is an interface up, a route there, an address reachable?

    InterfaceChanged, RouteChanged, echo replies  ->  an object is up or down, perhaps after a delay  ->  TrackChanged

Static routes with `track N` follow the object. The texts and layouts are those of IOS, as far as they are known.

    model     the typed configuration       config    its lines
    machine   tracked objects, operations `icmp-echo`
    messages  the log
    show      show track, show ip sla       lint      rules       explain   its words

Not here: other operations than icmp-echo, lists with thresholds, IPv6, stub objects: their lines are kept.
"""

from dmvpn.features.track import config
from dmvpn.features.track.messages import MESSAGES
from dmvpn.ios import Feature, LateMachine, Later

FEATURE = Feature(
    name="track",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.track.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.track.machine:TrackMachine"),
    messages=MESSAGES,
    explanations=Later("dmvpn.features.track.explain:GROUPS"),
    metrics=Later("dmvpn.features.track.metrics:METRICS"),
)
