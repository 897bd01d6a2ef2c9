#!/usr/bin/env bash
# Runs the checks, publishes the results, and exits with the exit code of the tool. The inputs are the variables START, PORT,
# STRICT, BASELINE and FRAMING; TOOL is the path of the program.
set -euo pipefail

summary=${GITHUB_STEP_SUMMARY:-/dev/null} output=${GITHUB_OUTPUT:-/dev/null}
files=(--json conformance.json --junit conformance.xml --markdown conformance.md)
# They may exist from an earlier step.
rm -f conformance.json conformance.xml conformance.md

refuse() {
  echo "::error::$1"
  echo "verdict=error" >> "$output"
  exit 2
}
[ -n "$START$PORT" ] || refuse "give the action \`start\`, the command that starts your server, or \`port\`, where it is running"
case $START$PORT in
  *"{port}"* | "$PORT") ;;
  "$START") refuse "\`start\` needs {port} where your server is told its port, or give \`port\` too, where it listens anyway" ;;
esac
case $STRICT in true | false) ;; *) refuse "\`strict\` is true or false, not $STRICT" ;; esac

arguments=(conformance --framing "${FRAMING:-auto}" "${files[@]}")
case $START in
  *"{port}"*) arguments+=(--spawn "$START") ;;
  *) arguments+=(--target "127.0.0.1:$PORT") ;;
esac
if [ "$STRICT" = true ]; then arguments+=(--strict); fi
if [ -n "$BASELINE" ]; then arguments+=(--baseline "$BASELINE"); fi

# A server with a fixed port is started here. At the end, its whole process group is stopped.
if [ -n "$START" ] && [[ $START != *"{port}"* ]]; then
  set -m
  bash -c "$START" > conformance.server 2>&1 &
  server=$!
  set +m
  trap 'kill -- -$server 2> /dev/null || true; rm -f conformance.server' EXIT
  for _ in $(seq 150); do
    (: < "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null && break
    if ! kill -0 $server 2> /dev/null; then
      tail -n 5 conformance.server >&2
      refuse "\`$START\` ended before it listened on port $PORT"
    fi
    sleep 0.1
  done
fi

status=0
"$TOOL" "${arguments[@]}" 2> conformance.err || status=$?
cat conformance.err >&2
if [ -f conformance.md ]; then
  cat conformance.md >> "$summary"
  verdict=$(sed -n 's/^## MyChat conformance: //p' conformance.md)
  echo "junit=$PWD/conformance.xml" >> "$output"
  echo "json=$PWD/conformance.json" >> "$output"
else
  verdict=error
  printf '## MyChat conformance: not run\n\n````text\n%s\n````\n' "$(cat conformance.err)" >> "$summary"
  echo "::error::$(sed -n "1s/^error: //p" conformance.err)"
fi
rm -f conformance.err
echo "verdict=$verdict" >> "$output"
exit "$status"
