# Shortcuts for common commands. `pip install rust-just` installs `just`; nothing requires it.

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

# Measure the accuracy of the tool on this machine: all rows, or some (`just truth V2 V4`). Takes five minutes on an idle machine.
truth *rows:
    cargo build --release -p mychat-tests --bins
    cargo run --release -p mychat-tests --bin mychat-truth -- {{rows}}

# Check the format, lints and documentation like CI.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

# Run all checks of CI.
ci:
    .ci/run

# Chat as NAME on 127.0.0.1:5000; options of mychat may follow.
chat name *args:
    cargo run --release -p mychat-client -- --name {{name}} {{args}}

# Check a server against the protocol; without --target or --spawn, the reference server.
conformance *args:
    cargo run --release -p mychat-bench -- conformance {{args}}

# Write the kill matrix tests/it/kills.golden: the checks that find each fault. tests/it/kills.txt lists the required ones.
kills *args:
    cargo test -p mychat-tests --test it -- --ignored conformance::kills {{args}}

# Run each shipped scenario, scaled down, against each kind of faulty server that it is meant to expose.
verdicts *args:
    cargo test -p mychat-tests --test it -- --ignored verdicts {{args}}

# Repeat the suite against correct servers, on an idle and on a busy machine: `just steady 100`, `just steady 20 loop`.
steady *args:
    .ci/steady.sh {{args}}

# Run all tests with hostile clients, also those with many connections, with one and with two workers; needs an idle machine.
hostile *args:
    HOSTILE_STRICT=1 cargo test --release -p mychat-server --test it -- --include-ignored --test-threads 1 hostile {{args}}
    MYCHAT_WORKERS=2 MYCHAT_SPREAD=always HOSTILE_STRICT=1 cargo test --release -p mychat-server --test it -- --include-ignored --test-threads 1 hostile {{args}}

# Fuzz the code that reads the bytes of a peer, each target for this many seconds; needs a nightly toolchain.
fuzz seconds="30":
    for target in deframer parsers session; do crates/mychat-server/fuzz/run.sh $target -max_total_time={{seconds}}; done

# Compare the server with redis-server and mosquitto (from Debian); about ten minutes.
peers runs="7" peerbench="../shared/peerbench":
    cargo build --release -p mychat-server
    crates/mychat-server/benches/peers.sh {{peerbench}} {{runs}}

# Benchmark the server's hot path without sockets.
bench-server *args:
    cargo bench -p mychat-server {{args}}

# Update the measurements in the README; needs an idle machine.
figures:
    .ci/figures.sh

# Check the licences, sources and known vulnerabilities of the dependencies; needs cargo-deny.
deny:
    cargo deny --locked --config .cargo/deny.toml check
