"""VRFs: which there are, and which interfaces are in them. What happens inside one is other features' (`Scope.VRF`).

    config    the lines             model    what they mean
    machine   lines -> the order    show     show vrf, show ip vrf
    lint      rules                 explain  its words
    reasons, messages

Not here: VPNs between routers by BGP (VPNv4), MPLS.
"""

from dmvpn.features.vrf import config
from dmvpn.features.vrf.messages import MESSAGES
from dmvpn.ios import Feature, Later, Sleeper

FEATURE = Feature(
    name="vrf",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.vrf.show:COMMANDS"),
    vrfs=config.vrfs,
    model=config.model,
    machine=Sleeper("dmvpn.features.vrf.machine:VrfMachine"),
    messages=MESSAGES,
    explanations=Later("dmvpn.features.vrf.explain:GROUPS"),
)
