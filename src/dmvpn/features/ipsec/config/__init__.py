"""The configuration lines of IPsec and PKI, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ipsec.config import profiles, transforms, trustpoints
from dmvpn.features.ipsec.model import IpsecConfig

if TYPE_CHECKING:
    from dmvpn.ios import ConfigTree

MODES: Final = (*transforms.MODES, *profiles.MODES, *trustpoints.MODES)
LINES: Final = (*transforms.LINES, *profiles.LINES, *trustpoints.LINES)


def model(tree: ConfigTree) -> IpsecConfig:
    """What the configuration says of IPsec."""
    return IpsecConfig(
        transform_sets=transforms.transform_sets(tree),
        profiles=profiles.profiles(tree),
        trustpoints=trustpoints.trustpoints(tree),
        lifetime=profiles.global_lifetime(tree),
        idle_time=profiles.global_idle_time(tree),
        replay_window=profiles.global_window(tree),
        df_bit=profiles.df_bit(tree),
        fragment_first=profiles.fragments_first(tree),
        nat_traversal=profiles.traverses_nat(tree),
    )
