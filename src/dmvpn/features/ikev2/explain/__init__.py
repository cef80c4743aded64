"""What IKE prints, explained for `dmvpn explain` and `| explain`. Imported when somebody asks, never by a machine.

numbers      exchanges, payloads, notifications
algorithms   states of an IKE SA and of a session; transforms, groups, kinds of proofs and identities
failures     why something came to nothing
labels       headings of shows; log messages and debug lines
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.explain import algorithms, failures, labels, numbers

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group

GROUPS: Final[tuple[Group, ...]] = (
    *algorithms.STATES,
    *numbers.GROUPS,
    *algorithms.GROUPS,
    *failures.GROUPS,
    *labels.GROUPS,
)
