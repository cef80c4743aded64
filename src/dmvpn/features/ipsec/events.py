"""Events of this feature: what people order. All other events of IPsec are in `base`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.events import Event

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True)
class ClearCrypto(Event):
    """`clear crypto session|sa|ikev2 sa|isakmp`: delete SAs, and tell the peers; what is wanted is negotiated again.

    remote: those with this peer alone, by its address.
    sas_only: new SAs of ESP take the place of the old ones, without a packet lost; IKE SAs stay.
    """

    remote: IPAddress | None = None
    sas_only: bool = False
