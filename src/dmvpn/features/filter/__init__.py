"""Packet filters: which packets may pass a port, by the access lists that `ip access-group` names for it.

    lines of a port, access lists (`ports.policies`) -> one order for the port, `SetFilters` -> the planes filter

A list that does not exist, or has no entry, lets all pass. Whenever an order fails, the plane lets nothing pass where a
list is to be asked, and the order is given again.

    config    its lines                         model     what they mean
    machine   lines and lists -> orders; %SEC-6-IPACCESSLOG... of flows
    messages  log messages                      show      clear access-list counters
    facts     what judges outside may know      explain   what its messages mean
    reasons   why a port does not filter
"""

from dmvpn.features.filter import config
from dmvpn.features.filter.messages import MESSAGES
from dmvpn.ios import Feature, Later, Sleeper

FEATURE = Feature(
    name="filter",
    config=config.LINES,
    commands=Later("dmvpn.features.filter.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.filter.machine:FilterMachine"),
    messages=MESSAGES,
    explanations=Later("dmvpn.features.filter.explain:GROUPS"),
    metrics=Later("dmvpn.features.filter.metrics:METRICS"),
)
