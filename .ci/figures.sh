#!/usr/bin/env bash
# Updates the figures in README.md and in the pages of the crates: runs the commands, takes pictures of the reports, and
# copies the tables of `just truth` and `just peers`. All text between the markers is generated. Takes about three minutes on
# an idle machine.
#   .ci/figures.sh             everything
#   .ci/figures.sh capacity    one of: broadcast_storm capacity conformance truth server
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/figures
pictures=.github/figures
mkdir -p "$out" "$pictures"
machine="$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r)"
wanted=" ${*:-broadcast_storm capacity conformance truth server} "

# put NAME FILE: replaces the text between <!-- figures: NAME --> and <!-- end --> in each page that has the marker.
put() {
  local page
  for page in $(git grep -l "<!-- figures: $1 -->" -- '*.md'); do
    awk -v name="$1" -v file="$2" '
      $0 == "<!-- figures: " name " -->" { print; while ((getline line < file) > 0) print line; skipping = 1; next }
      $0 == "<!-- end -->" { skipping = 0 }
      !skipping { print }
    ' "$page" > "$out/page.md"
    cp "$out/page.md" "$page"
  done
}

# show NAME FILTER COMMAND…: runs the tool and puts its filtered output into the pages.
show() {
  local name=$1 filter=$2 code=0
  shift 2
  [[ $wanted == *" $name "* ]] || return 0
  NO_COLOR=1 target/release/mychat-bench "$@" > "$out/$name.txt" 2> "$out/$name.err" || code=$?
  # Exit codes 1 and 4 are verdicts (failed, inconclusive); other codes are errors.
  case $code in 0 | 1 | 4) ;; *) cat "$out/$name.err" >&2; return "$code" ;; esac
  local typed=() word
  for word in "$@"; do case $word in "$out"/* | --html) ;; *' '*) typed+=("'$word'") ;; *) typed+=("$word") ;; esac; done
  local text
  text=$(bash -c "$filter" < "$out/$name.txt" | sed 's/[[:space:]]*$//')
  printf '%s, on %s:\n\n```console\n$ mychat-bench %s\n%s\n```\n' \
    "$(date -u +%Y-%m-%d)" "$machine" "${typed[*]}" "$text" > "$out/$name.md"
  put "$name" "$out/$name.md"
}

# picture NAME HEIGHT: takes a picture of the top of a report, in the light and the dark color scheme. Needs Chromium.
picture() {
  [[ $wanted == *" $1 "* ]] || return 0
  command -v chromium > /dev/null || { echo "chromium is not installed: the pictures of $1 are not updated" >&2; return 0; }
  local scheme
  for scheme in light dark; do
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking \
      --user-data-dir="$(mktemp -d)" --window-size="1200,$2" \
      --blink-settings=preferredColorScheme="$([ $scheme = dark ] && echo 0 || echo 1)" \
      --screenshot="$pictures/$1-$scheme.png" "file://$PWD/$out/$1.html" 2> /dev/null
  done
}

# copy NAME FILE [FILTER]: puts a table that another recipe wrote into the pages, through a filter.
copy() {
  [[ $wanted == *" $1 "* ]] || return 0
  [ -f "$2" ] || { echo "$2 does not exist: its table is not updated" >&2; return 0; }
  bash -c "${3:-cat}" < "$2" > "$out/$1.md"
  put "$1" "$out/$1.md"
}

cargo build --locked --release --quiet -p mychat-bench
show broadcast_storm cat run scenarios/broadcast_storm.yaml --html "$out/broadcast_storm.html"
picture broadcast_storm 1500
show capacity 'sed "/^  latency /,\$d"' run scenarios/capacity.yaml \
  --spawn 'python3 tests/servers/threads.py {port}' --html "$out/capacity.html"
picture capacity 1000
show conformance cat conformance --only frame.two-in-one --spawn 'python3 tests/servers/beginner.py {port}'
copy truth target/truth.md
# Only the ratios; TABLE.md has the measured values.
copy server crates/mychat-server/benches/TABLE.md 'sed "/^# /d; /^### /,\$d" | sed "/./,\$!d"'
