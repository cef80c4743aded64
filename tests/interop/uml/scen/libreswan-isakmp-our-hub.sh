# As libreswan-our-hub, everything in IKEv1.
. ./scen/_others.inc
IKE_VERSION=1
our_hub libreswan "$(in_isakmp)"
