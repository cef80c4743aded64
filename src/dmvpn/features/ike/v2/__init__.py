"""What only IKEv2 has, RFC 7296: its messages and how an IKE SA speaks.

packet       messages and payloads             numbers      assigned by IANA
proposals    the SA payload, selectors         negotiation  choices of proposals, and the rest of a child SA
channel      keys; messages: numbered, sealed, cut
debug        what a message shows in clear

sa           the life of an IKE SA: it alone changes itself; its states, the algorithms and keys of both peers
exchanges    what we ask                       initial_exchanges  the first two, AUTH, and a stranger's first message
events       what arrives on an IKE SA
sas          all IKE SAs: for which of them a datagram is, who may begin one, what time does to them
"""
