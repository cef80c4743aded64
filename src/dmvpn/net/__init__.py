"""Packet formats that several protocols share: octets to frozen values and back, nothing else.

    octets.py     what a decoder may be given, and addresses out of it without parsing text
    checksum.py   the Internet checksum: RFC 1071, updated in place by RFC 1624
    ipv4.py       RFC 791 header with options, fragmentation, and a cheap look at addresses and ports
    ipv6.py       RFC 8200 header
    ip.py         either version of IP, for code that does the same with both
    icmp.py       RFC 792, 1191: echo, unreachable, time exceeded, and what they quote
    icmpv6.py     RFC 4443: the same messages over IPv6
    udp.py        RFC 768
    tcp.py        only the clamp of the maximum segment size in a SYN
    gre.py        RFC 2784, 2890: checksum, key, sequence number; the keepalive that comes back by itself
    pcap.py       capture files, read and written

Nothing here keeps state, knows a clock or a socket, or names a feature. A decoder is given one message and returns a
value or raises `WireError`; every length in it is checked before it is used, and no loop runs longer than the message.
Values are frozen dataclasses whose fields are named and ordered as in the RFC; `serialize` is the inverse of `parse`.
"""
