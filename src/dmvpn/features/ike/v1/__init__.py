"""What only IKEv1 has, RFC 2407, RFC 2408 and RFC 2409: its messages. No exchange is spoken yet.

wire         messages and payloads
"""
