"""The models that features make of a configuration, and when each must be made again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.ios import EVERYTHING, ConfigLine, ConfigTree, Feature, Sleeper, reading
from dmvpn.ios.section import shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: What a feature makes of a tree, and the lines that it asked for.
Model = tuple[object, frozenset[ConfigLine]]
_NO_MODELS: Final[Mapping[str, Model]] = {}


class Models:
    """The model of each feature for one routing table."""

    def __init__(self, features: Iterable[Feature], vrf: str = "") -> None:
        """vrf: whose lines the models are made of, "": of the global table, and of the router."""
        self._features = tuple(one for one in features if one.model is not None and one.machine is not None)
        self._vrf = vrf
        self._models: dict[str, object] = {
            one.name: one.machine.idle for one in self._features if isinstance(one.machine, Sleeper)
        }
        #: The lines of which each model was made, configured or not.
        self._read: dict[str, frozenset[ConfigLine]] = {}

    def renew(
        self, tree: ConfigTree, touched: set[ConfigLine], prepared: Mapping[str, Model] = _NO_MODELS
    ) -> Iterator[tuple[Feature, object]]:
        """Make the models again that these lines may change; yield each model that changed.

        prepared: models that are made already.
        """
        is_all = EVERYTHING in touched
        for feature in self._features:
            lines = self._read.get(feature.name)
            if lines is not None and not is_all and EVERYTHING not in lines and touched.isdisjoint(lines):
                continue
            model, self._read[feature.name] = prepared.get(feature.name) or _read(feature, tree, self._vrf)
            if feature.name not in self._models or self._models[feature.name] != model:
                self._models[feature.name] = model
                yield feature, model


def prepare(features: Iterable[Feature], tree: ConfigTree, lines: set[ConfigLine]) -> dict[str, Model]:
    """Return the models of a tree that has these lines only, by feature."""
    configured = (feature for feature in features if feature.machine is not None)
    return {feature.name: _read_whole(feature, tree, lines) for feature in configured}


def _read(feature: Feature, tree: ConfigTree, vrf: str = "") -> Model:
    with reading() as lines:
        made = feature.model
        model = None if made is None else made(tree, vrf) if vrf else made(tree)
    return model, shared(frozenset(lines))


@lru_cache(maxsize=64)
def _of_nothing(feature: Feature) -> Model:
    """Return what a feature makes of a configuration without lines."""
    return _read(feature, ConfigTree())


def _read_whole(feature: Feature, tree: ConfigTree, lines: set[ConfigLine]) -> Model:
    """Read a tree that has these lines only.

    If it has none that the feature asks an empty tree for, it answers as the empty one, and the model is the same. Most
    protocols are not configured on a router.
    """
    model, asked = _of_nothing(feature)
    return (model, asked) if asked.isdisjoint(lines) and EVERYTHING not in asked else _read(feature, tree)
