"""The exec language of a router: its features' commands, the debugs of all their flags, and the session's own."""

from __future__ import annotations

from functools import lru_cache, partial

from dmvpn.base.breath import aside
from dmvpn.face.builtins import BUILTINS
from dmvpn.features.system.show.switches import debug_commands
from dmvpn.ios import ExecParser, Feature
from dmvpn.router.language import annotator


@lru_cache(maxsize=4)
def exec_parser(features: tuple[Feature, ...]) -> ExecParser:
    """Return the parser that all sessions on routers of these features share.

    For the first one all shows are imported, which takes a tenth of a second, aside.
    """
    commands = [command for feature in features for command in aside(partial(tuple, feature.commands))]
    flags = [flag for feature in features for flag in feature.debugs]
    return ExecParser([*commands, *debug_commands(flags), *BUILTINS], annotator(features))
