#!/usr/bin/env bash
# Packs the programs of `cargo build --profile dist --target TARGET` into mychat-TARGET.tar.gz, or .zip for Windows. The
# release workflow calls it for each target.
#   .packaging/pack.sh x86_64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
name=mychat-$target
case $target in *windows*) suffix=.exe ;; *) suffix= ;; esac

rm -rf "$name" "$name.tar.gz" "$name.zip"
mkdir "$name"
for program in mychat-bench mychat-server mychat; do
  cp "${CARGO_TARGET_DIR:-target}/$target/dist/$program$suffix" "$name/"
done
# -L: `scenarios/conformance` is a link.
cp -rL scenarios README.md "$name/"
"$(command -v python3 || command -v python)" .packaging/licences.py "$target" "$name/licences"

# Each program must start on the machine that built it. The programs for Intel Macs may be built on another machine.
for program in mychat-bench mychat-server mychat; do
  "$name/$program$suffix" --version || [ "$target" = x86_64-apple-darwin ]
done
# The Linux programs must not need shared libraries of the machine that built them.
case $target in
  *musl*) if ldd "$name/mychat-bench" 2>&1 | grep -q '=>'; then echo "$name is not static" >&2; exit 1; fi ;;
esac

case $target in
  *windows*) 7z a "$name.zip" "$name" ;;
  *) tar czf "$name.tar.gz" "$name" ;;
esac
rm -rf "$name"
