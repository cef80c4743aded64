"""Packet formats that several protocols share: octets to frozen values and back, nothing else.

    ipv4.py        RFC 791: headers, fragmentation, a cheap look at addresses; the checksum; octets for decoders
    ipv6.py        RFC 8200 header
    ip.py          either version of IP, for code that does the same with both; UDP
    icmp.py        RFC 792, 1191, 4443: echo, unreachable, time exceeded, and what they quote, over both versions
    tcp.py         segments, and the clamp of the maximum segment size in a SYN
    gre.py         RFC 2784, 2890: checksum, key, sequence number; the keepalive that comes back by itself; ECN
    translate.py   what NAT changes in a packet
    pcap.py        capture files, read and written

Nothing here keeps state, knows a clock or a socket, or names a feature. A decoder is given one message and returns a
value or raises `WireError`; every length in it is checked before it is used, and no loop runs longer than the message.
Values are frozen dataclasses whose fields are named and ordered as in the RFC; `serialize` is the inverse of `parse`.
"""
