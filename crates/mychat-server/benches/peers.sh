#!/bin/sh
# Compares the server with other servers. Run it from the root of the repository, after a release build:
#   crates/mychat-server/benches/peers.sh PEERBENCH-FOLDER RUNS [PART…]
# Parts: fanout pingpong openloop joins idle workers table. Without a part, all of them run, and TABLE.md is written. On a
# busy machine, only the ratios are meaningful.
set -e
here=$(dirname "$0")
bench=$1
runs=$2
shift 2
export CASE=peers

run() { python3 "$bench/run.py" "$@"; }

part() {
    case $1 in
    fanout)
        run mychat,refepoll,redis "$runs" fanout --users 1000 --senders 1 --window 64 --secs 2
        run mychat,refepoll,redis "$runs" fanout --users 1000 --senders 10 --window 64 --secs 2
        run mychat,refepoll "$runs" fanout --users 1000 --senders 1 --window 1 --secs 2
        ;;
    pingpong) run mychat,refepoll "$runs" pingpong --users 1000 --secs 2 ;;
    openloop) for rate in 50 2000; do run mychat,refepoll,redis "$runs" openloop --users 1000 --rate $rate --secs 3; done ;;
    joins) for users in 1000 5000; do run mychat,refepoll-coalesce "$runs" storm --users $users; done ;;
    idle) for users in 1000 10000; do run mychat,mosquitto 3 idle --users $users; done ;;
    workers)
        # Two workers compared with one. The processes are not pinned to cores.
        for k in $(seq "$runs"); do
            for workers in 1 2; do
                export MYCHAT_ARGS="--workers $workers" CASE="peers, $workers workers" SRV_CPUS=0,1 GEN_CPUS=0,1
                for senders in 1 10; do run mychat 1 fanout --users 1000 --senders $senders --window 64 --secs 2; done
                run mychat 1 pingpong --users 1000 --secs 2
            done
        done
        unset MYCHAT_ARGS SRV_CPUS GEN_CPUS
        "$here/lazy.py" "$runs"
        export CASE=peers
        ;;
    table) "$here/table.sh" "$bench" ;;
    *) echo "peers.sh: unknown part $1" >&2 && exit 2 ;;
    esac
}

[ $# -gt 0 ] || set -- fanout pingpong openloop joins idle workers table
for name in "$@"; do part "$name"; done
