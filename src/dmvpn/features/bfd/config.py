"""`bfd interval` of an interface, templates of it, and the model they make."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dmvpn.features.bfd.model import SLOW_TIMER, AuthenticationSettings, BfdConfig, Parameters
from dmvpn.features.bfd.packet import BY_WORD
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.routing import key_chains

_BFD: Final = {"bfd": "Bidirectional Forwarding Detection"}
MODE: Final = Mode("bfd-template", "config-bfd")

_HELP: Final = {
    "interval": "Milliseconds between packets that we send",
    "min_rx": "How often packets may come",
    "receive": "Milliseconds",
    "multiplier": "How many may be missing until the neighbor is down",
    "template": "The values of a template",
    "bfd-template": "Values for several interfaces",
    "single-hop": "For neighbors on a link",
    "min-tx": "That we send",
    "min-rx": "That we can receive",
    "both": "In both directions",
    "authentication": "Packets prove who sent them",
    "md5": "Keyed MD5",
    "meticulous-md5": "Keyed MD5, each packet with a number of its own",
    "sha-1": "Keyed SHA1",
    "meticulous-sha-1": "Keyed SHA1, each packet with a number of its own",
    "keychain": "With these keys",
    "chain": "Name of a key chain",
    "slow-timers": "Time between packets while a session is not up",
    "slow": "Milliseconds",
    "echo": "Kept for the record: this router neither sends nor takes echoes",
}
INTERVAL: Final = ConfigLine(
    "interface",
    "bfd interval {interval:50-9999} min_rx {receive:50-9999} multiplier {multiplier:3-50}",
    {**_BFD, **_HELP},
    order=162,
)
USE_TEMPLATE: Final = ConfigLine("interface", "bfd template {template:word}", {**_BFD, **_HELP}, order=162)
TEMPLATE: Final = ConfigLine(
    "global",
    "bfd-template single-hop {template:word}",
    {**_HELP, "template": "Its name"},
    key=("template",),
    order=571,
    opens="bfd-template",
)
TEMPLATE_INTERVAL: Final = ConfigLine(
    "bfd-template",
    "interval ( min-tx {interval:50-9999} min-rx {receive:50-9999} | both {both:50-9999} ) multiplier "
    "{multiplier:3-50}",
    {**_HELP, "interval": "Milliseconds between packets"},
)
TEMPLATE_AUTHENTICATION: Final = ConfigLine(
    "bfd-template", "authentication ( md5 | meticulous-md5 | sha-1 | meticulous-sha-1 ) keychain {chain:word}", _HELP
)
SLOW_TIMERS: Final = ConfigLine(
    "global", "bfd slow-timers {slow:1000-30000}", {**_BFD, **_HELP}, order=571, default=f"bfd slow-timers {SLOW_TIMER}"
)
# This router never answers echoes of BFD (Required Min Echo RX 0), so both forms of the line are accepted.
ECHO: Final = ConfigLine("interface", "bfd echo", {**_BFD, **_HELP}, order=163, keep_no=True)
LINES: Final = (INTERVAL, USE_TEMPLATE, ECHO, SLOW_TIMERS, TEMPLATE, TEMPLATE_INTERVAL, TEMPLATE_AUTHENTICATION)


def model(tree: ConfigTree) -> BfdConfig:
    """Return what the configuration says of BFD. A template that does not exist, or sets no parameter, is not used."""
    templates = dict(tree.made(TEMPLATE, _template))
    named = sorted(tree.made(INTERFACE, _interface), key=lambda entry: interface_sort_key(entry[0]))
    found = ((name, templates.get(said) if isinstance(said, str) else said) for name, said in named)
    return BfdConfig(
        tuple((name, parameters) for name, parameters in found if parameters is not None),
        tree.args(SLOW_TIMERS).integer("slow", SLOW_TIMER),
        key_chains(tree),
    )


def _template(args: Args, section: Section) -> tuple[str, Parameters] | None:
    said = section.get(TEMPLATE_INTERVAL)
    if said is None:
        return None
    asked = section.get(TEMPLATE_AUTHENTICATION)
    if asked is None:
        return args.text("template"), _parameters(said)
    kind = next(kind for word, kind in BY_WORD.items() if word in asked)
    return args.text("template"), replace(
        _parameters(said), authentication=AuthenticationSettings(kind, asked.text("chain"))
    )


def _interface(args: Args, section: Section) -> tuple[str, Parameters | str] | None:
    """Return its name, and the name of its template or its own parameters: only a template can ask for
    authentication.
    """
    said, used = section.get(INTERVAL), section.get(USE_TEMPLATE)
    if used is not None:
        return args.interface("name"), used.text("template")
    return None if said is None else (args.interface("name"), _parameters(said))


def _parameters(args: Args) -> Parameters:
    if "both" in args:
        both = args.integer("both")
        return Parameters(both, both, args.integer("multiplier"))
    return Parameters(args.integer("interval"), args.integer("receive"), args.integer("multiplier"))
