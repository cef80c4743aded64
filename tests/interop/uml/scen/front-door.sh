# Hub and spokes of ours, each with its provider in a VRF device of the kernel. See _world.inc; ENGINE: that of all routers.
. ./scen/_world.inc
export ENGINE=${REFLAB_ENGINE:-python}
modprobe vrf
world hub spoke1 spoke2
state(){ local n; for n in hub spoke1 spoke2; do
  { ip -n $n -d link show type vrf; ip -n $n rule; echo "main:"; ip -n $n route; for t in 5500 5501; do echo "$t:"; ip -n $n route show table $t; done
    in_ns $n sysctl net.ipv4.raw_l3mdev_accept; in_ns $n ss -lnup; in_ns $n ss -lnw; } > "$OUT/state.$1.$n.txt" 2>&1; done; }
# In the global table a default route of the host that leads nowhere near: what leaves in clear shows on it.
for n in hub spoke1 spoke2; do
  ip -n $n link add out0 type dummy; ip -n $n link set out0 up; ip -n $n route del default
  ip -n $n route add default dev out0 metric 4000; cap out-$n $n out0; done
state before
in_ns spoke1 "$OURS_PYTHON" -m dmvpn run --plan "$OURS_DIR/tests/interop/configurations/front-door-spoke1.cfg" \
  --map GigabitEthernet0/1=eth0 --map GigabitEthernet0/2=lan0 --engine python > "$OUT/plan.spoke1.txt" 2>&1
for n in hub spoke1 spoke2; do ours_start $n front-door-$n; done
for n in hub spoke1 spoke2; do ours_ready $n; done
state running
pinged(){ in_ns host-$1 ping -n -c 1 -W 1 $2; }
reach "spoke1 to hub" pinged spoke1 192.168.0.10
reach "spoke2 to hub" pinged spoke2 192.168.0.10
flow first host-spoke1 192.168.2.10 0.2 25; wait "${FLOWS[@]}"
trace spokes host-spoke1 192.168.2.10
seen running; state tunnels
printf '%s\n' 'ping vrf INTERNET 203.0.113.2' 'ping 203.0.113.2' 'show ip route vrf INTERNET' 'show vrf' |
  timeout 60 "$OURS_PYTHON" -m dmvpn -r run-SPOKE1/SPOKE1 - > "$OUT/pings.spoke1.txt" 2>&1
flow killed host-spoke1 192.168.0.10 0.2
ours_end spoke1 KILL; state killed; sleep 1
ours_start spoke1 front-door-spoke1; ours_ready spoke1
reach "spoke1 again" pinged spoke1 192.168.0.10
flow_end killed; state again
ours_end spoke2 KILL; ours_cleanup spoke2
ours_end spoke1 TERM; ours_end hub TERM; state after
finish
