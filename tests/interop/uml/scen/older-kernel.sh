# A lab with real packets in this kernel: of 2022, so that a TAP takes no trains of datagrams, and without IPv6. Then a
# router with an access list on a port, which it cannot filter: nf_tables has no IPv4 here.
cd "$OURS_DIR" || exit
modprobe tun; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
{ uname -r; cat /proc/net/if_inet6; } > "$OUT/kernel.txt" 2>&1
"$OURS_PYTHON" -m pytest -q -rA -p no:cacheprovider tests/lab/test_protected_troubles_lab.py -k one_by_one > "$OUT/tests.txt" 2>&1

modprobe dummy; ip link add wan type dummy; ip link set wan up
printf '%s\n' 'hostname A' 'ip access-list extended WAN-IN' ' deny ip any any' 'interface GigabitEthernet0/1' ' ip access-group WAN-IN in' end > "$OUT/filtered.cfg"
run(){ "$OURS_PYTHON" -m dmvpn run "$OUT/filtered.cfg" --map GigabitEthernet0/1=wan "$@"; }
run > "$OUT/refused.txt" 2>&1
run --without WAN-IN > "$OUT/run.txt" 2>&1 & ROUTER=$!
wait_for 60 grep -q 'its prompt' "$OUT/run.txt"
printf '%s\n' 'configure terminal' 'interface GigabitEthernet0/1' 'ip access-group WAN-IN in' end 'show running-config interface GigabitEthernet0/1' |
  timeout 60 "$OURS_PYTHON" -m dmvpn -r run-A/A - > "$OUT/typed.txt" 2>&1
kill $ROUTER; wait $ROUTER
true
