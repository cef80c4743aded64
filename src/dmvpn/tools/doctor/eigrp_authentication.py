"""Authentication of EIGRP at the two ends of a tunnel: by a password of the interface, or by a key chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.config.interfaces import AF_AUTHENTICATION_MODE
from dmvpn.features.eigrp.config.processes import AF_INTERFACES
from dmvpn.features.eigrp.config.sections import af_interface_lines
from dmvpn.features.eigrp.model import AuthenticationMode, InterfaceSettings
from dmvpn.ios.hidden_secrets import SecretPlace, compare, question
from dmvpn.tools.doctor.authentication import ChainEnd, chain_lines, chain_question, compare_chains
from dmvpn.tools.doctor.configuration import device

if TYPE_CHECKING:
    from dmvpn.features.eigrp.facts import EigrpFacts
    from dmvpn.router.facts import RouterFacts


@dataclass(frozen=True, slots=True)
class EigrpEnd:
    """A router, and the process and the interface on which EIGRP runs."""

    name: str
    facts: RouterFacts
    process: EigrpFacts
    interface: str

    @property
    def settings(self) -> InterfaceSettings:
        """The settings of the interface."""
        known = (self.process.autonomous_system, self.process.name)
        found = (one for one in device(self.facts).eigrp.processes if (one.autonomous_system, one.name) == known)
        return next((one.interface(self.interface) for one in found), InterfaceSettings())

    @property
    def chain(self) -> ChainEnd:
        """The key chain of the interface."""
        return ChainEnd(self.name, self.facts, self.settings.key_chain)

    @property
    def has_password(self) -> bool:
        """Whether packets are sealed with a password of the interface."""
        return self.settings.authentication is AuthenticationMode.HMAC_SHA_256


def key_lines(wrong: EigrpEnd, right: EigrpEnd) -> tuple[str, ...]:
    """Return the lines that give one end the key of the other; the reader knows its text."""
    if wrong.has_password and right.has_password:
        return af_interface_lines(wrong.process, wrong.interface, AF_AUTHENTICATION_MODE.of(password=SECRET))
    return chain_lines(wrong.chain, right.chain)


def hidden_question(mine: EigrpEnd, theirs: EigrpEnd) -> str:
    """Return the question whether the keys are the same; "": a difference is shown, or nothing is hidden."""
    if mine.has_password and theirs.has_password:
        if compare(mine.settings.password, theirs.settings.password) is not Likeness.UNKNOWN:
            return ""
        line = AF_AUTHENTICATION_MODE.of(password=SECRET).replace(f" {SECRET}", "")
        return question(*(SecretPlace(one.name, AF_INTERFACES.of(name=one.interface), line) for one in (mine, theirs)))
    if compare_chains(mine.chain, theirs.chain) is not Likeness.UNKNOWN:
        return ""
    return chain_question(mine.chain, theirs.chain)
