"""Rules about IPsec between the two ends of a tunnel: would IKE come to an end, and would what it agrees on last?

Nothing is negotiated here a second time: the IKE feature's own book answers which profile, key and algorithms each end
would use with the other, and its own comparison says what does not fit. How the two prove who they are is in `proofs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.network.terms.ike import IDENTITY, IKE, METHOD, PROPOSALS
from dmvpn.network.terms.ipsec import IPSEC, PROTECTED, PROTECTION
from dmvpn.tools.lint.found import differences
from dmvpn.tools.lint.rules.proofs import KEY, NAMELESS, NO_KEY, PAIR, lonely, names, needed_keys, proofs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

RULES: Final = (
    *(PROTECTED.rule, PROPOSALS.rule, KEY, NO_KEY, IDENTITY.rule, METHOD.rule),
    *(term.rule for term in IPSEC.terms),
    *(NAMELESS, PAIR),
)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose two ends would not agree on their protection."""
    yield from differences(network, PROTECTION)
    yield from differences(network, IPSEC)
    for end in network.ends:
        yield from names(end)
    yield from lonely(network)
    yield from differences(network, IKE)
    views = ((pair, *IKE.views(pair)) for pair in network.pairs)
    pairs = [(pair, here, there) for pair, here, there in views if here is not None and there is not None]
    needed = needed_keys((here, there) for _, here, there in pairs)
    for pair, here, there in pairs:
        if not any(IKE.failures(pair)):
            yield from proofs(here, there, needed)
