# As isakmp-our-hub, but spoke1 is behind a NAT: ESP of its kernel in transport mode in UDP port 4500.
SPOKE1_BEHIND_NAT=1
. ./scen/isakmp-our-hub.sh
