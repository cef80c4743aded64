# Everything in IKEv1. Our router is the hub and spoke2; spoke1 is FRR nhrpd with strongSwan. See _ipsec.inc.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
IKE_VERSION=1 IKE_PROPOSAL=aes256-sha256-modp2048 ESP_PROPOSAL=aes256-sha256
world hub spoke2
for n in hub spoke2; do base=ipsec-$n; written $n $base isakmp "$(in_isakmp)"; ours_start $n "$OUT/conf/isakmp/$n.cfg"; done
ours_ready hub; protect spoke1 hub spoke2; frr_all
reach "registered" has hub ${TUN[spoke1]} ${TUN[spoke2]}
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys spoke1
mark "strongSwan replaces its pairs"; sw spoke1 --rekey --child gre > "$OUT/rekey.txt"; replaced spoke1; crypto rekeyed-child
mark "strongSwan replaces its ISAKMP SAs"; for p in hub spoke2; do sw spoke1 --rekey --ike to-$p; done >> "$OUT/rekey.txt"; sleep 5; crypto rekeyed-ike
for n in hub spoke2; do asked $n clear crypto sa; done; replaced spoke1; crypto rekeyed-ours
flow_end spoke1 spoke2
asked hub clear crypto session; reach "back" has hub ${TUN[spoke1]} ${TUN[spoke2]}; sleep 1
flow back host-spoke1 192.168.0.10 0.1 20; sleep 4; crypto back
ours_end hub TERM; ours_end spoke2 TERM
charon_logs
finish
