"""The configuration lines of OSPF, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.config import interfaces, processes
from dmvpn.features.ospf.model import Interface, OspfConfig, Process
from dmvpn.ios.common import INTERFACE

if TYPE_CHECKING:
    from dmvpn.ios import ConfigTree

MODES: Final = processes.MODES
LINES: Final = (*processes.LINES, *interfaces.LINES)


def model(tree: ConfigTree) -> OspfConfig:
    """What the configuration says of OSPF. A process that only an interface names is there too, as on IOS."""
    named = [(args.interface("name"), section) for args, section in tree.sections(INTERFACE)]
    told = [interfaces.interface(name, section) for name, section in named]
    told = [interface for interface in told if interface != Interface(name=interface.name)]
    of_own = {args.integer("number"): section for args, section in tree.sections(processes.ROUTER)}
    numbers = {*of_own, *(interface.process for interface in told if interface.process is not None)}
    return OspfConfig(
        tuple(
            processes.process(number, of_own[number]) if number in of_own else Process(number=number)
            for number in sorted(numbers)
        ),
        tuple(told),
    )
