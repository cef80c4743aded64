"""What only IKEv1 has, RFC 2407, RFC 2408 and RFC 2409: its messages, keys and exchanges.

wire         messages and payloads             sealed       encrypted messages, the chain of IVs
keys         key schedule, hashes              detection    NAT between the ends, RFC 3947
transforms   meaning of attributes             offers       proposals and choices
identities   of quick mode: which packets      proofs       pre-shared keys and signatures
main_mode    what both ends of it do           initiation, response: each of them
quick_mode   pairs of SAs                      sa, sas      one ISAKMP SA, and all of them
"""
