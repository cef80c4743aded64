# As libreswan-our-spoke, everything in IKEv1.
. ./scen/_others.inc
IKE_VERSION=1
our_spoke libreswan "$(in_isakmp)"
