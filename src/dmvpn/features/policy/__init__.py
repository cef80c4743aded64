"""Policy: access lists, prefix lists, route maps, key chains.

Access lists and route maps say which packets are translated (feature `nat`). Lists and maps decide which routes BGP
accepts and advertises, which routes protocols redistribute, and how routes are changed. Feature `filter` filters
packets by the access lists.

Key chains are configured here and read by each protocol that authenticates (`ios.common.KEY_CHAIN`).

    model     the typed configuration
    packets   access lists as packet filters
    config    its lines
    machine   answers queries for lists and maps
    show      show route-map, show ip prefix-list ..., show key chain
"""

from dmvpn.features.policy import config
from dmvpn.ios import Feature, LateMachine, Later

FEATURE = Feature(
    name="policy",
    modes=config.MODES,
    commands=Later("dmvpn.features.policy.show:COMMANDS"),
    config=config.LINES,
    model=config.model,
    machine=LateMachine("dmvpn.features.policy.machine:PolicyMachine"),
    explanations=Later("dmvpn.features.policy.explain:GROUPS"),
)
