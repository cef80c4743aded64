"""What only IKEv1 has, RFC 2407, RFC 2408 and RFC 2409: its messages, its exchanges and ISAKMP SAs.

wire         messages and payloads             sealed       encrypted messages, the chain of IVs
keys         key schedule, hashes              detection    NAT between the ends, RFC 3947
transforms   meaning of attributes             offers       proposals and choices
identities   of quick mode: which packets      proofs       pre-shared keys and signatures
main_mode    what both ends of it do           initiation, response: each of them
quick_mode   pairs of SAs                      sa, sas      one ISAKMP SA, and all of them
states       of an ISAKMP SA                   fragments    Cisco's
exchange     what main_mode and quick_mode have in common; turns: who repeats what
pairs        SAs of ESP                        informational  deletes, notifications, dead peers
answers      what a peer sends                 upkeep       what time does
strangers    peers that are not proved         siblings     ISAKMP SAs with one peer
succession   which takes another's place
lines        of the chronicle                  steps, offer_lines: `debug crypto isakmp`
acts         what one ISAKMP SA wants of the others
"""
