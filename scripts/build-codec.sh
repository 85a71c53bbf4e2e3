#!/usr/bin/env bash
# build-codec.sh [--check]: makes codec/pkg/, the codec's WASM package, from the Rust crate.
#
# Without an argument the package is replaced. With --check it is built elsewhere, compared with the
# committed one byte for byte, and what differs is named (exit code 1).
#
# The build repeats exactly, wherever the checkout lies: toolchain and tools are pinned
# (wasm-toolchain.sh, below .cache/, made when missing), crates are locked, and no path of the
# machine gets into the package. BUILD.txt in it says what made it, and is not itself compared: it
# explains a difference.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
cache=$root/.cache
toolchain=$cache/wasm-toolchain
committed=$root/codec/pkg

case "${1:-}" in
  "" | --check) ;;
  *) echo "usage: build-codec.sh [--check]" >&2; exit 2 ;;
esac

"$root/scripts/wasm-toolchain.sh" "$toolchain"
# wasm-pack takes the wasm-bindgen that it finds only if its version is the locked crate's.
locked=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' "$root/codec/Cargo.lock")
if ! grep -qx "wasm-bindgen $locked" "$toolchain/VERSIONS"; then
  echo "build-codec: codec/Cargo.lock has wasm-bindgen $locked, scripts/wasm-toolchain.sh:" >&2
  grep wasm-bindgen "$toolchain/VERSIONS" >&2
  exit 1
fi

built=$(mktemp -d "$cache/codec-pkg.XXXXXX")
trap 'rm -rf "$built"' EXIT
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
# No simd128: Deno takes it, but no rate of bench/pages.ts became better by more than a tenth.
# Where the sources lie: the crate's own, and its dependencies', below a folder for each index.
flags="--remap-path-prefix=$root/codec=codec"
for index in "$registry"/*/; do flags+=" --remap-path-prefix=${index%/}=crates"; done

export PATH="$toolchain/bin:$PATH" RUSTC="$toolchain/bin/rustc" RUSTFLAGS="$flags"
export CARGO_TARGET_DIR="$cache/codec-target"
(
  cd "$root/codec"
  cargo fetch --quiet --locked
  # The bundler's form imports the WASM as a module, which Deno does synchronously: a module that
  # awaits at its top would lose the messages that reach its worker meanwhile.
  wasm-pack --quiet build --target bundler --mode no-install --no-pack \
    --release --out-dir "$built/pkg" --out-name codec -- --locked
)
rm -f "$built/pkg/.gitignore"
cp "$toolchain/VERSIONS" "$built/pkg/BUILD.txt"
rustc --version >> "$built/pkg/BUILD.txt"
cargo --version >> "$built/pkg/BUILD.txt"

if [ "${1:-}" = --check ]; then
  if diff -rq --exclude BUILD.txt "$committed" "$built/pkg" >&2; then
    echo "build-codec: codec/pkg is what the crate builds to"
  else
    diff -u "$committed/BUILD.txt" "$built/pkg/BUILD.txt" >&2 &&
      echo "build-codec: both were made by the same tools" >&2
    echo "build-codec: codec/pkg differs from what the crate builds to: run scripts/build-codec.sh" >&2
    exit 1
  fi
else
  rm -rf "$committed"
  mv "$built/pkg" "$committed"
  echo "build-codec: codec/pkg made, $(wc -c < "$committed/codec_bg.wasm") bytes of WASM"
fi
