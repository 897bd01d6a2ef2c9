#!/bin/sh
# Runs a fuzz target: run.sh TARGET [libFuzzer options], for example run.sh session -max_total_time=30. Requires a nightly
# toolchain but not cargo-fuzz. corpus/ has the initial inputs; new inputs go to target/corpus.
set -e
cd "$(dirname "$0")"
target=$1
shift
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1" \
    cargo +nightly build --release --target x86_64-unknown-linux-gnu --bin "$target"
mkdir -p "target/corpus/$target"
exec "target/x86_64-unknown-linux-gnu/release/$target" "target/corpus/$target" "corpus/$target" "$@"
