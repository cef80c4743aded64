"""What holds where nothing is configured: the smart defaults of IOS XE 17, without the group that is too small now."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.algorithms import Encryption, Hash
from dmvpn.features.ikev2.model import Proposal

#: `show crypto ikev2 proposal default`. IOS has group 5 besides, which RFC 8247 §2.4 forbids.
DEFAULT_PROPOSAL: Final = Proposal(
    name="default",
    encryption=(Encryption.AES_CBC_256,),
    integrity=(Hash.SHA512, Hash.SHA384),
    prf=(Hash.SHA512, Hash.SHA384),
    groups=(19, 14, 21),
)
