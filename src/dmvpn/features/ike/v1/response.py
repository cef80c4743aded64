"""Main mode as its responder answers it: a stranger's first message, and its proof. RFC 2409 §5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.acts import Reply
from dmvpn.features.ike.chain import HEADER_LENGTH
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.v1.main_mode import ABILITIES, Candidate, MainMode, announces, says_alone
from dmvpn.features.ike.v1.numbers import AuthMethod, ExchangeType, NotifyType
from dmvpn.features.ike.v1.offers import choose, mismatch
from dmvpn.features.ike.v1.packet import KeyExchange, Message, Nonce, Notify, SecurityAssociation, VendorId
from dmvpn.features.ike.v1.proofs import negotiated
from dmvpn.features.ike.v1.sealed import PHASE_1
from dmvpn.features.ike.v1.states import SaState
from dmvpn.features.ike.v1.transforms import DEFAULT_LIFETIME

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.packet import Chain
    from dmvpn.features.ike.v1.proofs import Claim
    from dmvpn.features.ike.v1.sa import IsakmpSa

_CLAUSE = "RFC 2409 §5"
#: Octets of an SA payload that a stranger makes us keep: some hundred transforms.
LARGEST_OFFER: Final = 8192


class Response(MainMode):
    """Main mode as its responder."""

    def __init__(self, sa: IsakmpSa) -> None:
        super().__init__(sa)
        self._candidates: tuple[Candidate, ...] = ()
        self._unsaid = ABILITIES

    def welcome(self, message: Message, octets: bytes) -> Reason | None:
        """Answer message 1, with fewer octets: its sender may be forged. Returns why it is not answered."""
        sa, offers = self.sa, message.find(SecurityAssociation)
        if offers is None:
            return Reason(IkeReason.INIT_LACKS)
        if why := self._unable():
            return why
        self.offers = offers.body()
        if len(self.offers) > LARGEST_OFFER:
            large = WireError(f"an offer of {len(self.offers)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
            return Reason(IkeReason.OF_WIRE, (large,))
        choice = choose(self.wanted, offers.proposals)
        if choice is None:
            return mismatch(self.wanted, offers.proposals)
        self.turns.hears(octets)
        self.signed = choice.terms.choice == AuthMethod.RSA_SIGNATURE
        lifetime = choice.terms.lifetime.kept.seconds or DEFAULT_LIFETIME
        sa.chose(choice.terms.suite, float(lifetime), message, prefers_udp=self.opening.udp.prefers)
        answer = SecurityAssociation((choice.answer(),))
        theirs = [vendor.data for vendor in message.all(VendorId)]
        said = tuple(mine for mine in self.vendors() if any(announces(each, mine) for each in theirs))
        self._unsaid = tuple(mine for mine in ABILITIES if mine not in said)
        self.say(sa.plain((answer, *said)), awaits=False)
        return None

    def _unable(self) -> Reason | None:
        """Return why we can prove ourselves by nothing that the policies want, if so."""
        if self.wanted.terms or (self.opening.secrets and not self.opening.transforms):
            return None
        wants_signature = any(one.signs for one in self.opening.transforms[:1])
        why = self.opening.unsigned if wants_signature else self.opening.keyless
        return why or Reason(IkeReason.NO_KEY_FOR, (self.sa.path.remote.address,))

    def refusal(self, message: Message) -> tuple[Reply, ...]:
        """Return NO-PROPOSAL-CHOSEN in clear, if that is why: the peer's people learn what both ends lack."""
        if self.offers and self.wanted.terms:
            header = message.header
            answer = replace(header, exchange=ExchangeType.INFORMATIONAL, message_id=self.sa.fresh_message_id())
            refused = Message((Notify(NotifyType.NO_PROPOSAL_CHOSEN, protocol=ProtocolId.IKE),), header=answer)
            return (Reply(self.sa.path, refused.serialize()),)
        return ()

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in message 3 or 5. Raises WireError."""
        match self.sa.state:
            case SaState.SA_SETUP:
                self._hear_key(message, octets, path)
            case SaState.KEY_EXCH:
                self._hear_proof(message, octets, path)
            case _:
                raise WireError("main mode is over", offset=0, clause=_CLAUSE)

    def _hear_key(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa, theirs, nonce = self.sa, message.find(KeyExchange), message.find(Nonce)
        if theirs is None or nonce is None:
            raise WireError("message 3 lacks a key or a nonce", offset=0, clause=_CLAUSE)
        self.draw()
        try:
            shared = surely(self.secret).agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            sa.end(surely(sa.hint))
            return
        self.turns.hears(octets)
        sa.learns(message)
        self.find_nat(message, path)
        self.theirs, nonces = theirs.data, Nonces(nonce.data, self.nonce)
        secrets = (None,) if self.signed else self.opening.secrets
        self._candidates = tuple(self.candidate(each, theirs, shared, nonces) for each in secrets)
        sa.keyed(nonces)
        self.say(sa.plain((*self.contribution(), *self._unsaid)), awaits=False)

    def _hear_proof(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        sa = self.sa
        if message.sealed is None:
            raise WireError("message 5 is not encrypted", offset=HEADER_LENGTH, clause=_CLAUSE)
        found = self._read(message)
        if found is None:
            if not self.signed:
                sa.trouble(Reason(IkeReason.UNREADABLE_PROOF, (sa.path.remote.address,)))
            return
        used, inside, claim = found
        terms = sa.book.terms(sa.path, claim.identity, None, claim.chain, sa.version)
        evidence = self._failures.known(octets) or self.judge(used, terms, claim)
        if isinstance(evidence, Reason) and self.may_be_damaged(octets, evidence):
            return
        sa.use(used.keys, used.channel)
        self.accept(message, octets, path)
        if isinstance(evidence, Reason) or isinstance(terms, Reason):
            self.refuse(evidence if isinstance(evidence, Reason) else Reason(IkeReason.NO_IDENTITY))
            return
        if sa.admission is not None and (*claim.identity.key, evidence.entry) not in sa.admission.who:
            self.refuse(sa.admission.refusal)
            return
        self.say(sa.sealed(self.KIND, PHASE_1, self.proved(used.keys, terms)), awaits=False)
        self.over()
        self._candidates = ()
        agreed = replace(negotiated(terms, signed=self.signed), lifetime=sa.lifetime, initial_contact=False)
        sa.proved(agreed, claim.identity, evidence, initial_contact=says_alone(inside))

    def _read(self, message: Message) -> tuple[Candidate, Chain, Claim] | None:
        """Return with which keys message 5 was made, and its contents; None: with none of ours."""
        for each in self._candidates:
            try:
                inside = each.channel.open(message)
                return each, inside, self.claim(each.keys, inside)
            except WireError:
                continue
        return None

    def unanswered(self) -> None:
        """Do nothing: a responder repeats nothing unasked."""
