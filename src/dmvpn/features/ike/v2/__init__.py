"""What only IKEv2 has, RFC 7296: its messages and how an IKE SA speaks.

packet       messages and payloads             numbers      those that IANA assigned
proposals    of an SA payload; selectors       negotiation  proposals and choices; how a child SA is agreed on
authentication  what AUTH holds, and whom it proves
channel      keys; messages: numbered, sealed, cut
debug        what anybody sees of a message    counts       what `show crypto ikev2 stats` counts

sa           the life of an IKE SA: it alone changes itself; its states
exchanges    what we ask                       initial_exchanges  the first two, and a stranger's first message
events       what arrives on an IKE SA
sas          all IKE SAs: for which of them a datagram is, who may begin one, what time does to them
"""
