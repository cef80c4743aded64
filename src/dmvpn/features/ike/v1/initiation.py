"""Main mode as its initiator begins and repeats it. RFC 2409 §5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.peer_settings import NAT_PORT
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.v1.main_mode import Candidate, MainMode, says_alone
from dmvpn.features.ike.v1.numbers import AuthMethod, NotifyType
from dmvpn.features.ike.v1.offers import accepted, mismatch
from dmvpn.features.ike.v1.packet import KeyExchange, Nonce, Notify, SecurityAssociation
from dmvpn.features.ike.v1.proofs import (
    negotiated,
)
from dmvpn.features.ike.v1.sealed import PHASE_1
from dmvpn.features.ike.v1.states import SaState
from dmvpn.features.ike.v1.transforms import DEFAULT_LIFETIME

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.packet import Message
    from dmvpn.features.ike.v1.sa import IsakmpSa

_CLAUSE = "RFC 2409 §5"
#: Which message of the initiator waits for its answer.
_STEPS: Final = {SaState.NO_STATE: 1, SaState.SA_SETUP: 3}


class Initiation(MainMode):
    """Main mode as its initiator, which repeats its messages until the last answer has come."""

    ANSWERS_AGAIN: ClassVar[bool] = False

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa)
        self._made: Candidate | None = None

    def begin(self) -> None:
        """Send message 1."""
        offer = SecurityAssociation(self.wanted.offer())
        self.offers = offer.body()
        self.say(self.sa.plain((offer, *self.vendors())), awaits=True)

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 2, 4 or 6. Raises WireError."""
        match self.sa.state:
            case SaState.NO_STATE:
                self._hear_choice(message, octets)
            case SaState.SA_SETUP:
                self._hear_key(message, octets, path)
            case SaState.KEY_EXCH:
                self._hear_proof(message, octets, path)
            case _:
                raise WireError("main mode is over", offset=0, clause=_CLAUSE)

    def _hear_choice(self, message: Message, octets: bytes) -> None:
        sa, chosen = self.sa, message.find(SecurityAssociation)
        if chosen is None or message.header.cookie_r == NO_SPI:
            raise WireError("message 2 lacks an SA or a cookie", offset=0, clause=_CLAUSE)
        terms = accepted(self.wanted, chosen.proposals)
        if terms is None:
            sa.trouble(Reason(IkeReason.NOT_OFFERED, (mismatch(self.wanted, chosen.proposals),)))
            return
        self.turns.hears(octets)
        self.signed = terms.choice == AuthMethod.RSA_SIGNATURE
        sa.heard_first(message.header.cookie_r)
        sa.chose(
            terms.suite,
            float(terms.lifetime.kept.seconds or DEFAULT_LIFETIME),
            message,
            prefers_udp=self.opening.udp.prefers,
        )
        self.draw()
        self.say(sa.plain(self.contribution()), awaits=True)

    def _hear_key(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(KeyExchange), message.find(Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 4 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            return
        self.turns.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(self.nonce, nonce.data)
        terms = surely(sa.terms)
        self._made = made = self.candidate(None if self.signed else terms.secret, theirs, shared, nonces)
        sa.keyed(nonces)
        sa.use(made.keys, made.channel)
        if (sa.nat.found or sa.prefers_udp) and sa.path.local.port != NAT_PORT:
            sa.use_port(NAT_PORT)
        contact = (Notify(NotifyType.INITIAL_CONTACT, protocol=1, spi=sa.cookies),) if terms.initial_contact else ()
        self.say(sa.sealed(self.KIND, PHASE_1, (*self.proved(made.keys, terms), *contact)), awaits=True)

    def _hear_proof(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, terms, made = self.sa, surely(self.sa.terms), surely(self._made)
        inside = self.open(message)
        claim = self.claim(made.keys, inside)
        evidence = self._failures.known(octets) or self.judge(made, terms, claim)
        if isinstance(evidence, Reason) and self.may_be_damaged(octets, evidence):
            return
        self.accept(message, octets, path)
        if isinstance(evidence, Reason):
            self.refuse(evidence)
            return
        self.over()
        agreed = replace(negotiated(terms, signed=self.signed), lifetime=sa.lifetime)
        sa.proved(agreed, claim.identity, evidence, initial_contact=says_alone(inside))

    def unanswered(self) -> None:
        """End the ISAKMP SA: the peer is dead, or does not want us."""
        number = _STEPS.get(self.sa.state, 5)
        silent = IkeReason.SILENT_SIGNATURE if self.signed else IkeReason.SILENT_PROOF
        why = Reason(silent) if number == 5 else None
        self.sa.end(self.gave_up(main_mode_message(number), why))
