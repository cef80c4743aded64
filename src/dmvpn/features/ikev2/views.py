"""An IKE SA for shows: `IkeView`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.protection import IkePhase, IkeView
from dmvpn.features.ikev2.beginning import method_name
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.life import SaState
from dmvpn.features.ikev2.pairs import number_of
from dmvpn.features.ikev2.wire.numbers import Encr, Integ, Prf

if TYPE_CHECKING:
    from dmvpn.base.protection import Connection
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import Terms

_PHASES: Final = {
    SaState.STARTING: IkePhase.INIT,
    SaState.PROVING: IkePhase.INIT,
    SaState.ESTABLISHED: IkePhase.READY,
    SaState.CLOSING: IkePhase.DELETED,
    SaState.DEAD: IkePhase.DELETED,
}
_ENCRYPTIONS: Final[dict[int, str]] = {Encr.AES_CBC: "AES-CBC", Encr.AES_GCM_16: "AES-GCM"}
_PRFS: Final[dict[int, str]] = {
    Prf.HMAC_SHA1: "SHA1",
    Prf.HMAC_SHA2_256: "SHA256",
    Prf.HMAC_SHA2_384: "SHA384",
    Prf.HMAC_SHA2_512: "SHA512",
}
_INTEGS: Final[dict[int, str]] = {
    Integ.NONE: "None",
    Integ.HMAC_SHA1_96: "SHA96",
    Integ.HMAC_SHA2_256_128: "SHA256",
    Integ.HMAC_SHA2_384_192: "SHA384",
    Integ.HMAC_SHA2_512_256: "SHA512",
}


def view_of(sa: IkeSa, connection: Connection | None) -> IkeView:
    """What anybody may know of an IKE SA."""
    local, remote, terms, suite = sa.path.local, sa.path.remote, sa.terms, sa.suite
    return IkeView(
        number=sa.number,
        phase=_PHASES[sa.state],
        connection=connection,
        local=local.address,
        local_port=local.port,
        remote=remote.address,
        remote_port=remote.port,
        local_spi=sa.own_spi,
        remote_spi=sa.spi_r if sa.is_initiator else sa.spi_i,
        initiator=sa.is_initiator,
        encryption=_ENCRYPTIONS.get(suite.encr, "") if suite else "",
        bits=suite.key_bits if suite else 0,
        prf=_PRFS.get(suite.prf, "") if suite else "",
        integrity=_integrity(suite) if suite else "",
        group=suite.group if suite else 0,
        local_auth=_method(terms) if terms else "",
        remote_auth=sa.evidence.by,
        local_identity=name_of(terms.identity) if terms else "",
        remote_identity=name_of(sa.theirs) if sa.theirs else "",
        lifetime=terms.lifetime if terms else 86_400.0,
        since=sa.since,
        rekey_at=sa.rekey_at,
        heard=sa.heard,
        dpd=terms.dpd if terms else 0.0,
        dpd_retry=terms.dpd_retry if terms else 0.0,
        nat_keepalive=terms.nat_keepalive if terms and sa.nat.local else 0.0,
        fragmentation=sa.abilities.fragments and terms is not None and terms.fragment is not None,
        nat_inside=sa.nat.local,
        nat_outside=sa.nat.remote,
        ikev2_profile=terms.profile if terms else "",
        next_request=sa.outgoing.next_id,
        next_answer=sa.incoming.expected,
        children=tuple(number_of(spi) for spi in sa.children.active),
    )


def _integrity(suite: Suite) -> str:
    return _INTEGS.get(suite.integ, "")


def _method(terms: Terms) -> str:
    return "PSK" if terms.key is None else method_name(terms.key)
