"""VLANs: subinterfaces with 802.1Q tags, switch ports, `interface Vlan`, and the spanning trees that the lab computes.

The lines become one value, `Box`; the order `SetSwitching` hands it to the lab, which carries frames and answers with
`SwitchingComputed`. Where no lab is around (`dmvpn run`), tags and bridges are those of the host's own devices.

    config    its lines, and the model that they make     machine   the order, and the trees of each VLAN
    show      show vlan, interfaces trunk, interfaces switchport, mac address-table, spanning-tree, etherchannel
    explain   what its words mean
"""

from dmvpn.features.switching import config
from dmvpn.ios import Feature, Later, Sleeper

FEATURE = Feature(
    name="switching",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.switching.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.switching.machine:SwitchingMachine"),
    explanations=Later("dmvpn.features.switching.explain:GROUPS"),
)
