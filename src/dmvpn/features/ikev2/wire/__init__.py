"""IKEv2 on the wire: RFC 7296 §3, with the fragments of RFC 7383.

    numbers      what IANA assigned
    proposals    what is offered and chosen: transforms with their attributes; traffic selectors
    payloads     the parts of a message
    message      header and chain of payloads

Nothing here knows a key: what is inside an SK payload is opened by `sealing`.
"""

from __future__ import annotations
