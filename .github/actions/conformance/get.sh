#!/usr/bin/env bash
# Gets mychat-bench. If the action is used with the tag of a release (`…/conformance@v1.2.3`), the released program is
# downloaded. Otherwise, the program is built from the sources of the action. The output `path` is its location.
set -euo pipefail

case "${RUNNER_OS:-Linux}-${RUNNER_ARCH:-X64}" in
  Linux-X64) target=x86_64-unknown-linux-musl ;;
  Linux-ARM64) target=aarch64-unknown-linux-musl ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  Windows-*) target=x86_64-pc-windows-msvc ;;
  *) target= ;;
esac
name=mychat-$target
archive=$name.tar.gz program=mychat-bench
case $target in *windows*) archive=$name.zip program=mychat-bench.exe ;; esac
releases=${RELEASES:-${GITHUB_SERVER_URL:-https://github.com}/${ACTION_REPOSITORY:-}/releases/download}

sum() { if command -v sha256sum > /dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# Downloads the archive of the tag and checks it against the SHA256SUMS of the release.
released() {
  [[ -n $target && ${ACTION_REF:-} == v[0-9]* ]] || return 1
  local folder=${RUNNER_TEMP:-/tmp}/mychat-$ACTION_REF
  mkdir -p "$folder" && cd "$folder" || return 1
  curl -fsSL --retry 3 -O "$releases/$ACTION_REF/$archive" -O "$releases/$ACTION_REF/SHA256SUMS" || return 1
  if ! grep " $archive\$" SHA256SUMS | sum -c - > /dev/null; then
    echo "::warning::$archive does not match SHA256SUMS and is not used" && return 1
  fi
  case $archive in *.zip) unzip -qo "$archive" ;; *) tar xzf "$archive" ;; esac || return 1
  path=$folder/$name/$program
  "$path" --version
}

built() {
  local root
  root=$(cd "$(dirname "$0")/../../.." && pwd)
  cargo build --release --locked -p mychat-bench --manifest-path "$root/Cargo.toml"
  path=$root/target/release/$program
}

here=$PWD
if ! released; then
  cd "$here"
  echo "no released program for ${RUNNER_OS:-Linux}-${RUNNER_ARCH:-X64} at '${ACTION_REF:-}': building it"
  built
fi
echo "path=$path" >> "${GITHUB_OUTPUT:-/dev/stdout}"
