"""The configuration language that all features together make: built once, shared by every router of this process."""

from __future__ import annotations

from functools import lru_cache

from dmvpn.ios import Configurator, Feature, known_commands


@lru_cache(maxsize=4)
def configurator(features: tuple[Feature, ...]) -> Configurator:
    """What configuration lines these features understand, besides the harmless ones of `ios/known.txt`."""
    return Configurator(
        [line for feature in features for line in feature.config],
        [mode for feature in features for mode in feature.modes],
        known_commands(),
    )
