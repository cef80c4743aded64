# As isakmp-foreign-hub, but our spoke1 is behind a NAT.
SPOKE1_BEHIND_NAT=1
. ./scen/isakmp-foreign-hub.sh
