"""The configuration language that all features together make: built once, shared by every router of this process."""

from __future__ import annotations

from functools import lru_cache

from dmvpn.base.addresses import IPAddress
from dmvpn.features.interface.config import model as interface_model
from dmvpn.features.ipsec.config import model as ipsec_model
from dmvpn.features.tunnel.config import model as tunnel_model
from dmvpn.ios import ConfigTree, Configurator, Feature, known_commands
from dmvpn.ios.protection import Unprotected


@lru_cache(maxsize=4)
def configurator(features: tuple[Feature, ...]) -> Configurator:
    """Return what configuration lines these features understand, besides the harmless ones of `ios/known.txt`."""
    return Configurator(
        [line for feature in features for line in feature.config],
        [mode for feature in features for mode in feature.modes],
        known_commands(),
        _bare,
    )


def _bare(tree: ConfigTree) -> tuple[Unprotected, ...]:
    """Return the tunnels that name no IPsec profile, each with the first unused profile, or the first of all."""
    tunnels, ipsec = tunnel_model(tree).tunnels, ipsec_model(tree)
    owners: dict[IPAddress | None, str] = {
        one.address[0]: one.name for one in interface_model(tree).interfaces if one.address is not None
    }
    names = [profile.name for profile in ipsec.profiles] if ipsec is not None else []
    used = [tunnel.protection for tunnel in tunnels]
    idle = [name for name in names if name not in used]
    profile = next(iter(idle or names), "")
    return tuple(
        Unprotected(
            one.name, one.source_interface or owners.get(one.source_address, ""), one.shutdown, profile, bool(idle)
        )
        for one in tunnels
        if not one.protection
    )
