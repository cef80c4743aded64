# Everything in IKEv1. FRR nhrpd with strongSwan is the hub and spoke2, our router is spoke1. See _ipsec.inc.
# In each round both ends replace their pairs, and strongSwan its ISAKMP SAs. REFLAB_REKEYS: how many rounds.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
IKE_VERSION=1 IKE_PROPOSAL=aes256-sha256-modp2048 ESP_PROPOSAL=aes256-sha256
world spoke1
protect hub spoke1 spoke2; protect spoke2 hub spoke1; frr_all
written spoke1 ipsec-spoke isakmp "$(in_isakmp)" ${SPOKE1_BEHIND_NAT:+"s/ip address 198.51.100.2 /ip address 10.99.0.2 /"}
ours_start spoke1 "$OUT/conf/isakmp/spoke1.cfg"
reach "registered" both
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys hub spoke2
for round in $(seq ${REFLAB_REKEYS:-1}); do
  mark "strongSwan replaces its pairs"; for n in hub spoke2; do sw $n --rekey --child gre; done >> "$OUT/rekey.txt"; replaced hub spoke2
  mark "we replace them"; asked spoke1 clear crypto sa; replaced hub spoke2
  mark "strongSwan replaces its ISAKMP SAs"; for n in hub spoke2; do sw $n --rekey --ike to-spoke1; done >> "$OUT/rekey.txt"; sleep 5
  crypto rekeyed-$round
done
flow_end spoke1 spoke2; crypto rekeyed
asked spoke1 clear crypto session; reach "back" has spoke1 ${TUN[hub]}; sleep 1
flow back host-spoke1 192.168.0.10 0.1 20; sleep 4; crypto back
ours_end spoke1 TERM
charon_logs
finish
