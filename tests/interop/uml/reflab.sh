#!/bin/bash
# Boots user-mode Linux once per scenario on the host's root file system and
# runs scen/<name>.sh in it as the only user process. Output: $REFLAB_OUT/<name>/ (default: out/ beside this file; not below /run, which is private inside).
# usage: reflab.sh SCENARIO [SCENARIO...]      (reflab.sh --list)
DIR=$(cd "$(dirname "$0")" && pwd)
[ "$1" = --list ] && { for s in "$DIR"/scen/*.sh; do basename "$s" .sh; done; exit 0; }
for p in linux.uml ip iptables-legacy iperf3 tcpdump bc vtysh /usr/lib/frr/nhrpd /usr/lib/ipsec/charon swanctl pki; do
  command -v $p >/dev/null || { echo "reflab: $p is missing; run scripts/debian-packages interop" >&2; exit 2; }; done
# On a processor with AMX, Linux 6.1 in user mode needs help with its registers: see xstate.c.
preload=
if grep -qw amx_tile /proc/cpuinfo; then
  preload=$(mktemp -d)/xstate.so
  trap 'rm -rf "$(dirname "$preload")"' EXIT
  cc -O2 -shared -fPIC -o "$preload" "$DIR/xstate.c" || {
    echo "reflab: xstate.c could not be compiled; run scripts/debian-packages interop" >&2; exit 2; }
fi
# Needs no root but for this: init.sh mounts over the folder, so there must be one.
mkdir -p /lib/modules || exit 2
rc=0
for s in "$@"; do
  out=${REFLAB_OUT:-$DIR/out}/$s; rm -rf "$out"; mkdir -p "$out"
  env | grep -E '^(REFLAB_|OURS)' | sed "s/'/'\\\\''/g; s/=/='/; s/\$/'/; s/^/export /" > "$out/env.sh"
  t0=$(date +%s.%N)
  LD_PRELOAD=$preload timeout --foreground ${REFLAB_TIMEOUT:-200} linux.uml mem=${REFLAB_MEM:-512M} rootfstype=hostfs rw \
    init="$DIR/init.sh" reflab_dir="$DIR" reflab_out="$out" reflab_scen="$s" \
    con=null con0=fd:0,fd:1 con1=null quiet </dev/null >"$out/console.log" 2>&1
  t1=$(date +%s.%N)
  printf '%s: %.1f s, %s\n' "$s" "$(echo "$t1 - $t0" | bc)" "$(cat "$out/RESULT" 2>/dev/null || echo 'no RESULT')"
  [ -e "$out/RESULT" ] || rc=1
done
exit $rc
