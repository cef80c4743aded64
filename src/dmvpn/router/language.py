"""The language that all features together make: configuration lines, built once and shared by every router of this
process, and commands of the exec prompt, with the filter `explain`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.features.interface.config import model as interface_model
from dmvpn.features.ipsec.config import model as ipsec_model
from dmvpn.features.tunnel.config import model as tunnel_model
from dmvpn.ios import ConfigTree, Configurator, ExecParser, Feature, known_commands
from dmvpn.ios.protection import Unprotected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.base.addresses import IPAddress


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
    """Return the tunnels that name no IPsec profile. The profile that was probably meant is one that no tunnel uses,
    else the first.
    """
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


@lru_cache(maxsize=4)
def exec_parser(features: tuple[Feature, ...]) -> ExecParser:
    """Return what commands these features understand in exec mode."""
    return ExecParser([command for feature in features for command in feature.commands], annotator(features))


def annotator(features: tuple[Feature, ...]) -> Callable[[str, Iterable[str]], Iterator[str]]:
    """Return the output filter `explain`. Its texts are imported at the first use."""

    def annotate(command: str, lines: Iterable[str]) -> Iterator[str]:
        from dmvpn.router import vocabulary

        return vocabulary.annotate(features, command, lines)

    return annotate
