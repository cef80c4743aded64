# FRR hub and spoke2; spoke1 is ours and behind a NAT. See _world.inc.
SPOKE1_BEHIND_NAT=1
. ./scen/_world.inc
world spoke1; frr_all; ours_start spoke1 spoke-behind-nat
reach "registered" registered
seen registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 1; seen_direct direct
sleep 8; seen renewed
flow_end spoke1 spoke2
ours_end spoke1 TERM
finish
