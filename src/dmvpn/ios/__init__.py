"""The language of IOS: matching, abbreviations, `?`, carets, modes, `no`, the configuration tree, filters, the editor.

It knows no protocol. Features declare their lines as data and get them back as values:

    ConfigLine, Mode        a configuration command; a mode          -> Configurator, ConfigTree, Section, Args
                            and back: ConfigLine.of(id=1)            -> the line
    ExecCommand             a command of the exec prompt             -> ExecParser, Match, Args
    Feature, DebugFlag      all that a protocol hands over

    typed bytes -> LineEditor -> line -> ExecParser.match -> Match.lines(context) -> filters -> Pager -> bytes
                                    \\-> ConfigSession.enter -> the tree changes -> every feature's model(tree)
    a file      -> Configurator.parse_text -> ConfigResult(tree, problems)
    a tree      -> ConfigTree.render -> the running configuration

The grammar is shared by all routers of a process and compiled when first used. Nothing here does input or output.
Only a face needs `LineEditor` and `Pager`; it imports `dmvpn.ios.editor` and `dmvpn.ios.pager` itself. Code that
explains commands instead of running them uses `dmvpn.ios.begun`.
"""

from dmvpn.base.moments import age, uptime
from dmvpn.base.placeholder import Blank, Placeholder
from dmvpn.ios.account import ConfigResult, Fate, LineReport, Problem
from dmvpn.ios.common import HOSTNAME, INTERFACE, INTERFACE_MODE, Spoken, Twins
from dmvpn.ios.config_line import ConfigLine, LineGroup, Mode, known_command, known_commands
from dmvpn.ios.configurator import Configurator
from dmvpn.ios.errors import CliError, ErrorKind
from dmvpn.ios.exec_parser import ExecParser, Match, Unknown, answered, moment_of, span_of
from dmvpn.ios.feature import (
    Ask,
    Change,
    Compute,
    Confirm,
    DebugFlag,
    Endings,
    Feature,
    LateMachine,
    Later,
    Measured,
    Scope,
    ShowContext,
    Sleeper,
)
from dmvpn.ios.filters import FilterKind, apply_filters, json_lines, json_text, to_plain
from dmvpn.ios.grammar import (
    AnyOrder,
    Args,
    Choice,
    ExecCommand,
    Keyword,
    Node,
    Optional_,
    Sequence,
    Value,
    compile_syntax,
    several,
)
from dmvpn.ios.interfaces import interface_sort_key, is_logical, normalize_interface, short_interface
from dmvpn.ios.places import Places
from dmvpn.ios.releases import DEFAULTS, MAY_BE_WEAK, Release, is_marked, marked, permission
from dmvpn.ios.section import EVERYTHING, Section, Statement, reading
from dmvpn.ios.session import ConfigSession, LineResult, Touch, prompt
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.values import OneOf, ValueType, register_type
