"""ESP: RFC 4303, with AES-GCM (RFC 4106) or AES-CBC and HMAC (RFC 3602, RFC 4868), extended sequence numbers.

`Outbound` encrypts, `Inbound` decrypts one direction of one security association each, `SaTable` selects the one for a
packet. They are values without I/O. The Rust engine gives the same octets.
"""
