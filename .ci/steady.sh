#!/usr/bin/env bash
# Repeats the conformance suite against correct servers. No must check may fail or be inconclusive, on an idle machine and
# on a busy one.
#
#   .ci/steady.sh [REPETITIONS [SERVER…]]     default: 10 repetitions of each server; `.ci/steady.sh list` lists them
#
# Each repetition has its own seed. In half of them, a busy loop runs on each core. Every tenth repetition runs the whole
# suite, the others only the must checks (WHOLE=n: every n-th). In a whole run, the reference server must pass strictly.
# The output of failed repetitions is kept in target/steady. JOBS=n sets the number of parallel server instances. While the
# file PAUSE=FILE exists, nothing runs; an interrupted repetition is repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=${TOOL:-target/release/mychat-bench}
servers=(reference threads loop terse forks java bytewise,late glued,lazy quiet,joiner closing,shout delay slow)
[ "${1:-}" = list ] && { printf '%s\n' "${servers[@]}"; exit; }
repetitions=${1:-10}
[ $# -gt 1 ] && servers=("${@:2}")
[ -n "${TOOL:-}" ] || cargo build --locked --release --quiet -p mychat-bench
mkdir -p target/steady
mapfile -t musts < <("$tool" conformance --list | awk '$2 == "must" { print "--only"; print $1 }')

loops=()
busy() { for _ in $(seq "$(nproc)"); do (while :; do :; done) & loops+=($!); done; }
stop_busy() { [ ${#loops[@]} = 0 ] || { kill "${loops[@]}"; wait "${loops[@]}"; } 2> /dev/null || true; loops=(); }
trap stop_busy EXIT
trap 'exit 130' INT TERM

# Prints the command that starts a server, or nothing for the built-in reference server.
start() {
  case $1 in
    reference) ;;
    threads | loop | terse | forks) echo "exec python3 tests/servers/$1.py {port}" ;;
    java) echo "exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC tests/servers/ChatServer.java {port}" ;;
    *) echo "exec python3 tests/servers/moods.py {port} $1" ;;
  esac
}

# Runs one repetition. Returns 99 if it was interrupted by the file PAUSE.
once() {
  local log=$1 code=0
  shift
  "$tool" conformance "$@" > "$log" 2>&1 < /dev/null &
  local run=$!
  while kill -0 "$run" 2> /dev/null; do
    if [ -e "${PAUSE:-/nowhere}" ]; then
      kill -INT "$run"
      wait "$run" || true
      return 99
    fi
    sleep 0.2
  done
  wait "$run" || code=$?
  return "$code"
}

failed=0
for server in "${servers[@]}"; do
  bad=0 wholes=0 busies=0 longest=0 began=$SECONDS
  for number in $(seq "$repetitions"); do
    # The second term makes whole runs alternate, too.
    crowded=$(((number + number / 10) % 2))
    options=(--seed "$number" --jobs "${JOBS:-4}")
    command=$(start "$server")
    [ -z "$command" ] || options+=(--spawn "$command")
    if [ $((number % ${WHOLE:-10})) = 0 ]; then
      wholes=$((wholes + 1))
      [ "$server" != reference ] || options+=(--strict)
    else
      options+=("${musts[@]}")
    fi
    log="target/steady/$server-$number.txt" code=99
    while [ "$code" = 99 ]; do
      while [ -e "${PAUSE:-/nowhere}" ]; do sleep 1; done
      code=0 before=$SECONDS
      [ $crowded = 0 ] || busy
      once "$log" "${options[@]}" || code=$?
      stop_busy
    done
    busies=$((busies + crowded))
    [ $((SECONDS - before)) -le "$longest" ] || longest=$((SECONDS - before))
    if [ "$code" = 0 ]; then rm -f "$log"; else
      bad=$((bad + 1))
      echo "  $server, seed $number, exit code $code: $log"
      grep -E '^(FAIL|\?)' "$log" | grep -v 'checks in' | cut -c 1-170 | head -n 5 || true
    fi
  done
  echo "$server: $repetitions repetitions ($busies busy, $wholes of the whole suite), $bad not passed; $((SECONDS - began)) s, at most $longest s each"
  failed=$((failed + bad))
done
[ "$failed" = 0 ]
