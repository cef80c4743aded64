"""What only IKEv2 has, RFC 7296: its messages and how an IKE SA speaks.

wire         messages and payloads             sealed       messages: numbered, sealed, cut
keys         key schedule                      signatures   what AUTH holds
offers       proposals and choices             detection    is there a NAT?
lines        what anybody sees of a message    counts       what `show crypto ikev2 stats` counts

agreement    states, keys                      sa           the life of an IKE SA: it alone changes itself
negotiation  how a child SA is agreed on       proofs       how both ends prove who they are
exchanges    what we ask                       beginning    the first two exchanges, the first message of a stranger
answers      what arrives on an IKE SA
sas          all IKE SAs: for which of them a datagram is, who may begin one, what time does to them
"""
