# Everything here is a convenience: the two commands of the README need none of it. Get `just` by `pip install rust-just`.

# List the recipes.
default:
    @just --list

# Run the reference server on 127.0.0.1:5000; options of mychat-server may follow.
serve *args:
    cargo run --release -p mychat-server -- {{args}}

# Run a scenario; without --target against the reference server, started for the run.
bench file="scenarios/broadcast_storm.yaml" *args:
    cargo run --release -p mychat-bench -- run {{file}} {{args}}

# All tests.
test *args:
    cargo test --workspace {{args}}

# What the figures are worth on this machine: all rows, or some (`just truth V2 V4`). Five minutes; wants a calm machine.
truth *rows:
    cargo build --release -p mychat-tests --bins
    cargo run --release -p mychat-tests --bin mychat-truth -- {{rows}}

# Format, lints and docs, as CI wants them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

# Exactly what CI runs.
ci:
    .ci/run

# Chat as NAME on 127.0.0.1:5000; options of mychat may follow.
chat name *args:
    cargo run --release -p mychat-client -- --name {{name}} {{args}}

# Hold a server against the protocol; without --target or --spawn the reference server.
conformance *args:
    cargo run --release -p mychat-bench -- conformance {{args}}

# Write the kill matrix, tests/it/kills.golden: which checks find which fault (tests/it/kills.txt says which must).
kills *args:
    cargo test -p mychat-tests --test it -- --ignored conformance::kills {{args}}

# Correct servers of several makes, again and again, on a calm machine and a busy one: `just steady 100`, `just steady 20 loop`.
steady *args:
    .ci/steady {{args}}

# Attack the server with everything, the large crowds included, with one worker and with two; wants a quiet machine.
hostile *args:
    HOSTILE_STRICT=1 cargo test --release -p mychat-server --test it -- --include-ignored --test-threads 1 hostile {{args}}
    MYCHAT_WORKERS=2 MYCHAT_SPREAD=always HOSTILE_STRICT=1 cargo test --release -p mychat-server --test it -- --include-ignored --test-threads 1 hostile {{args}}

# Fuzz what a peer's bytes reach, each target for so many seconds; wants a nightly toolchain.
fuzz seconds="30":
    for target in deframer parsers session; do crates/mychat-server/fuzz/run $target -max_total_time={{seconds}}; done

# The server against the yardsticks (redis-server and mosquitto from Debian), pinned and interleaved; about ten minutes.
peers runs="7" peerbench="../shared/peerbench":
    cargo build --release -p mychat-server
    crates/mychat-server/benches/peers {{peerbench}} {{runs}}

# The server's hot path without sockets.
bench-server *args:
    cargo bench -p mychat-server {{args}}

# Run what the README shows and put it in, with date and machine; wants a quiet machine.
figures:
    .ci/figures
