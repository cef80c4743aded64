"""What only IKEv1 has, RFC 2407, RFC 2408 and RFC 2409: its messages, its exchanges and ISAKMP SAs.

packet       messages, payloads, identities    numbers      assigned by IANA
proposals    of an SA payload, as octets       offers       what they mean, which ones we make and take
keys         key schedule, hashes; encrypted messages and the chain of IVs
transmission who repeats what, RFC 2408 §5.1; Cisco's fragments

main_mode    both ends of it, and what quick mode shares with it; NAT detection, RFC 3947
quick_mode   pairs of SAs of ESP               authentication  pre-shared keys and signatures
sa           one ISAKMP SA, its states         events       what messages, time and parallel SAs do to it
sas          all ISAKMP SAs                    peers        parallel SAs; peers that are not proved
debug        `debug crypto isakmp`, the chronicle
"""
