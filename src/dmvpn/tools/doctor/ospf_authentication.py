"""Authentication of OSPF at the two ends of a tunnel: comparison, and the lines that make one end like the other.

Secrets are not shown. Where all other settings are the same, the packets say that the ends differ, and the reader
compares the secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.terms import Likeness
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.config import interfaces as port_lines
from dmvpn.features.ospf.model import Interface
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.hidden_secrets import SecretPlace, compare, question, together
from dmvpn.tools.doctor.authentication import ChainEnd, chain_lines, chain_question, compare_chains
from dmvpn.tools.doctor.configuration import device, statements, texts

if TYPE_CHECKING:
    from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
    from dmvpn.ios import Section
    from dmvpn.router.facts import RouterFacts

#: Lines of an interface about authentication.
_AUTHENTICATION: Final = (port_lines.AUTHENTICATION, port_lines.PASSWORD, port_lines.DIGEST_KEY)


@dataclass(frozen=True, slots=True)
class OspfEnd:
    """A router, and the interface on which OSPF runs."""

    name: str
    facts: RouterFacts
    running: tuple[OspfFacts, OspfInterfaceFacts]

    @property
    def opening(self) -> str:
        """The line that opens the section of the interface."""
        return opening(self.running[1].name)

    @property
    def section(self) -> Section | None:
        """The section of the interface."""
        return device(self.facts).section(self.running[1].name)

    @property
    def port(self) -> Interface:
        """The OSPF settings of the interface."""
        return settings(self.facts, self.running[1].name)

    @property
    def chain(self) -> ChainEnd:
        """The key chain of the interface."""
        return ChainEnd(self.name, self.facts, self.port.key_chain)


def proof(wrong: OspfEnd, right: OspfEnd) -> tuple[tuple[str, ...], str]:
    """Return the lines that give one end the other's authentication, and the question about hidden secrets, if any."""
    likeness = _compare(wrong.port, right.port)
    if likeness is not Likeness.DIFFERENT and right.chain.chain:
        unknown = compare_chains(wrong.chain, right.chain) is Likeness.UNKNOWN
        return chain_lines(wrong.chain, right.chain), chain_question(wrong.chain, right.chain) if unknown else ""
    lines, own = texts(right.section, *_AUTHENTICATION), texts(wrong.section, *_AUTHENTICATION)
    fix = (wrong.opening, *lines) if lines else (wrong.opening, *(f"no {line}" for line in own))
    return fix, _question(wrong, right) if likeness is Likeness.UNKNOWN else ""


def _compare(mine: Interface, theirs: Interface) -> Likeness:
    """Compare the authentication of two interfaces; the texts of key chains are not among it."""
    here, there = ({key.number: key.text for key in port.keys} for port in (mine, theirs))
    shown = [(port.authentication, port.key_chain, sorted(keys)) for port, keys in ((mine, here), (theirs, there))]
    if shown[0] != shown[1]:
        return Likeness.DIFFERENT
    keys = (compare(text, there[number]) for number, text in here.items())
    return together((compare(mine.password, theirs.password), *keys))


def _question(*ends: OspfEnd) -> str:
    """Return the question whether the first secrets of two interfaces are the same."""
    mine, theirs = (
        SecretPlace(end.name, end.opening, secrets[0].text_for_others)
        for end in ends
        for secrets in (statements(end.section, port_lines.DIGEST_KEY, port_lines.PASSWORD),)
    )
    return question(mine, theirs)


def settings(facts: RouterFacts, name: str) -> Interface:
    """Return the OSPF settings of an interface."""
    return next((one for one in device(facts).ospf.interfaces if one.name == name), Interface(name=name))


def opening(name: str) -> str:
    """Return the line that opens the section of an interface."""
    return INTERFACE.of(name=name)
