"""NAT overload (RFC 3022): stations inside speak to the outside from the address of an interface.

    inside -> the kernel routes it out of an outside interface -> an access list permits it -> source: that interface's
    address, with a port that is none of the router's own; answers take the way back

The machine turns lines into one order, `SetTranslation`; the planes translate. A tunnel is neither inside nor outside
of it unless configured: traffic to other sites through a tunnel is never translated.

    config    its lines                         model     what they mean
    machine   lines and lists -> the order      show      show ip nat translations, statistics; clear
    lint      rules about the lines of one router
    messages  log messages                      explain   what its lines and words mean
    facts     what judges outside may know
"""

from dmvpn.features.nat import config
from dmvpn.features.nat.messages import MESSAGES
from dmvpn.ios import Feature, Later, Sleeper

FEATURE = Feature(
    name="nat",
    config=config.LINES,
    commands=Later("dmvpn.features.nat.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.nat.machine:NatMachine"),
    messages=MESSAGES,
    explanations=Later("dmvpn.features.nat.explain:GROUPS"),
    metrics=Later("dmvpn.features.nat.metrics:METRICS"),
)
