#!/bin/sh
# Writes TABLE.md from the results of peers.sh: table.sh PEERBENCH-FOLDER. Run it from the root of the repository. The whole
# file is generated. Ratios are ratios of medians.
set -e
out=$(dirname "$0")/TABLE.md
machine="$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r)"
{
    printf '# The server and its yardsticks\n\n'
    printf 'Measured until %s on %s, server %s, ' "$(date -u '+%Y-%m-%d %H:%M UTC')" "$machine" "$(git rev-parse --short HEAD)"
    printf 'by `crates/mychat-server/benches/peers.sh`: the server pinned to core 0 and the generator to core 1, servers '
    printf 'interleaved; medians, and in brackets the least and the most of n runs. `refepoll` is a bare epoll loop without '
    printf 'names to check, lists, limits or timers: what is attainable at most.\n\n'
    printf 'Ratios of medians, this server to the other one (a rate: more is better; a time or memory: less is):\n\n'
    python3 - <<'END'
import collections, json, statistics
runs = collections.OrderedDict()
for line in open("target/peerbench/results.jsonl"):
    run = json.loads(line)
    if not run.get("case", "").startswith("peers") or "error" in run:
        continue
    words = run["args"].split()
    work = " ".join([run["cmd"]] + [w for k, w in enumerate(words) if not (w == "--secs" or words[k - 1] == "--secs")])
    runs.setdefault(work, collections.OrderedDict()).setdefault(run["tag"] + run["case"][5:], []).append(run)
figure = {"fanout": "rate", "pingpong": "rate", "openloop": "p99_us", "storm": "settled_s", "idle": "rss_per_conn_kb"}
print("| work | figure | n | ratio |\n|---|---|---|---|")
for work, servers in runs.items():
    name = figure[work.split()[0]]
    median = {server: statistics.median(run[name] for run in of) for server, of in servers.items()}
    pairs = [("mychat", other) for other in median if "," not in other and other != "mychat"]
    pairs += [(k, k.replace("2 workers", "1 workers")) for k in median if "2 workers" in k]
    for one, other in pairs:
        if one in median and median.get(other):
            what = other if other in ("refepoll", "redis", "mosquitto", "refepoll-coalesce") else "two workers to one"
            print(f"| {work} | {name} | {len(servers[one])} | {median[one] / median[other]:.2f} × {what} |")
END
    python3 "$1/table.py" peers
} > "$out.new"
mv "$out.new" "$out"
