# Our router is spoke1; the other end of its tunnels is Linux, interfaces of type gre on the hub. Each tunnel has other
# fields in its header; what TCP sends in them leaves with checksums that the kernel has left to a network card. The first
# tunnel is multipoint, and FRR is its hub. See _world.inc.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
declare -A FIELDS=([1]="key 101 csum" [2]="key 102 seq" [3]="key 103 csum seq" [4]="csum seq")
world spoke1; NODES=hub; mgre 32
ip -n hub link set gre1 type gre key $KEY csum ttl 64 dev eth0 local ${NBMA[hub]} remote any
# point: the other ends of our point-to-point tunnels, whose numbers begin at 0
point(){ local t; for t in "${!FIELDS[@]}"; do
    ip -n hub link del p2p$t 2> /dev/null
    # shellcheck disable=SC2086
    ip -n hub link add p2p$t type gre ${FIELDS[$t]} ttl 64 local ${NBMA[hub]} remote ${NBMA[spoke1]}
    ip -n hub link set p2p$t mtu 1400 up; ip -n hub addr add 10.1.$t.1/30 dev p2p$t; done; }
zebra_all > /dev/null 2>&1; nhrp_all $HOLD; ip -n hub route add 192.168.1.0/24 via ${TUN[spoke1]} dev gre1 onlink
mark "Linux"
# tcp NAME FROM TO ADDRESS: octets in one direction
tcp(){ in_ns $3 "$OURS_PYTHON" gre_octets.py take $4 > "$OUT/tcp.$1.txt" 2>&1 & local taker=$!
  in_ns $2 timeout 60 "$OURS_PYTHON" gre_octets.py send $4 > "$OUT/tcp.$1.sent.txt" 2>&1 || kill $taker; wait $taker; }
answers(){ in_ns hub ping -n -c 1 -W 1 10.1.$1.2; }
# tried ENGINE: every tunnel in both directions
tried(){ local t
  for t in 1 2 3 4; do
    reach "up $t $1" answers $t
    in_ns hub ping -n -D -i 0.1 -c 10 10.1.$t.2 > "$OUT/ping.$1-$t-to-ours.txt" 2>&1
    in_ns spoke1 ping -n -D -i 0.1 -c 10 10.1.$t.1 > "$OUT/ping.$1-$t-to-linux.txt" 2>&1
    tcp $1-$t-to-ours hub spoke1 10.1.$t.2; tcp $1-$t-to-linux spoke1 hub 10.1.$t.1; done
  reach "registered $1" registered_here
  in_ns host-spoke1 ping -n -D -i 0.1 -c 10 192.168.0.10 > "$OUT/ping.$1-0-to-linux.txt" 2>&1
  tcp $1-0-to-linux host-spoke1 host-hub 192.168.0.10; tcp $1-0-to-ours host-hub host-spoke1 192.168.1.10
  ip -n hub -s -s -j link > "$OUT/links.$1.json"
  "$OURS_PYTHON" -m dmvpn -r run-spoke1/spoke1 show interfaces > "$OUT/links.$1.txt" 2>&1
  seen $1; }
registered_here(){ vty hub "show ip nhrp cache" | grep " dynamic " | grep -q ${TUN[spoke1]}; }
for engine in python rust; do
  if [ $engine = rust ] && ! "$OURS_PYTHON" -c 'import dmvpn_engine' 2> /dev/null; then mark "no engine"; break; fi
  point; ENGINE=$engine ours_start spoke1 spoke-gre-options
  tried $engine
  ours_end spoke1 TERM
done
# Ours begins at 0 again, and Linux does not.
ours_start spoke1 spoke-gre-options; reach "up again" answers 1; sleep 1
in_ns spoke1 ping -n -D -i 0.1 -c 10 10.1.3.1 > "$OUT/ping.began-again.txt" 2>&1
point; mark "Linux begins again"; reach "up with both" answers 3
in_ns spoke1 ping -n -D -i 0.1 -c 10 10.1.3.1 > "$OUT/ping.both-began-again.txt" 2>&1
ours_end spoke1 TERM
finish
