# Like front-door, and the LANs and the tunnel are in another VRF device, RED: the global table has nothing to do with them.
. ./scen/_world.inc
export ENGINE=${REFLAB_ENGINE:-python}
modprobe vrf
world hub spoke1 spoke2
state(){ local n; for n in hub spoke1 spoke2; do
  { ip -n $n -br link show type vrf; ip -n $n rule; echo "main:"; ip -n $n route; echo "RED:"; ip -n $n route show vrf RED
    echo "front:"
    ip -n $n route show vrf INTERNET 2> /dev/null; echo "outside:"; ip -n $n -br link show master INTERNET 2> /dev/null; echo "ports:"; ip -n $n -br link show master RED; } > "$OUT/state.$1.$n.txt" 2>&1; done; }
for n in hub spoke1 spoke2; do
  ip -n $n link add out0 type dummy; ip -n $n link set out0 up; ip -n $n route del default
  ip -n $n route add default dev out0 metric 4000; cap out-$n $n out0
  sed -e 's/^vrf definition INTERNET/vrf definition RED\n !\n address-family ipv4\n exit-address-family\n!\n&/' \
    -e 's/^interface \(Tunnel0\|GigabitEthernet0.2\)$/&\n vrf forwarding RED/' -e 's/^ip route \([0-9]\)/ip route vrf RED \1/' \
    "$OURS_DIR/tests/interop/configurations/front-door-$n.cfg" > "$OUT/$n.cfg"; done
pinged(){ in_ns host-$1 ping -n -c 1 -W 1 $2; }
for n in hub spoke1 spoke2; do ours_start $n "$OUT/$n.cfg"; done
for n in hub spoke1 spoke2; do ours_ready $n; done
reach "spoke1 to hub" pinged spoke1 192.168.0.10
reach "spoke2 to hub" pinged spoke2 192.168.0.10
flow first host-spoke1 192.168.2.10 0.2 25; wait "${FLOWS[@]}"
trace spokes host-spoke1 192.168.2.10
state running
printf '%s\n' 'ping vrf RED 192.168.0.1' 'ping 192.168.0.1' | timeout 60 "$OURS_PYTHON" -m dmvpn -r run-SPOKE1/SPOKE1 - > "$OUT/pings.spoke1.txt" 2>&1
flow killed host-spoke1 192.168.0.10 0.1
ours_end spoke1 KILL; state killed; sleep 1
ours_start spoke1 "$OUT/spoke1.cfg"; ours_ready spoke1
reach "spoke1 again" pinged spoke1 192.168.0.10
mark "route taken away"; for i in 1 2 3 4 5; do ip -n spoke1 route del default vrf RED proto 54 metric 260; sleep 0.3; done
state again
mark "ports taken away"; for i in Tunnel0 lan0 eth0; do ip -n spoke1 link set $i nomaster; done
reach "spoke1 in its VRFs again" pinged spoke1 192.168.0.10
state ports
mark "devices deleted"; ip -n spoke1 link del INTERNET; sleep 1
reach "spoke1 with its front door again" pinged spoke1 192.168.0.10
ip -n spoke1 link del RED; sleep 1
reach "spoke1 with its inside VRF again" pinged spoke1 192.168.0.10
state deleted
printf '%s\n' 'show logging' | timeout 60 "$OURS_PYTHON" -m dmvpn -r run-SPOKE1/SPOKE1 - > "$OUT/logging.spoke1.txt" 2>&1
flow_end killed
for n in hub spoke1 spoke2; do ours_end $n TERM; done; state after
finish
