"""What NHRP prints, explained for `dmvpn explain` and `| explain`. Imported when somebody asks, never by a machine.

flags       letters and words in `show dmvpn`, `show ip nhrp`, `show ip nhrp nhs`
states      how far a peer, a server, a path is, and why no further; answers of the prompt
codes       packet types, NAKs, errors, extensions, the flags of packets
counters    what `show ip nhrp traffic` and `show nhrp stats` count
lines       log messages, debug lines
labels      columns and labels of the shows
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.explain import codes, counters, flags, labels, lines, states

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group

GROUPS: Final[tuple[Group, ...]] = (
    *flags.GROUPS,
    *states.GROUPS,
    *codes.GROUPS,
    *counters.GROUPS,
    *lines.GROUPS,
    *labels.GROUPS,
)
