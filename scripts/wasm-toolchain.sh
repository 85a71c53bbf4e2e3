#!/usr/bin/env bash
# wasm-toolchain.sh DEST: everything that turns the Rust codec into its WASM package, below DEST.
#
#   DEST/bin/rustc          Debian's rustc-web, with a wasm32-unknown-unknown std built from its
#                           source package, because Debian packages none for this compiler
#   DEST/bin/wasm-pack      from the Rust registry, as is
#   DEST/bin/wasm-bindgen   the one version that matches the crate in codec/Cargo.lock
#   DEST/VERSIONS           the pins that DEST was made with: with the same ones this is a no-op
#
# Why so: it needs no compiler download but Debian's own, and installs no package: the .debs are
# unpacked, not configured. Called by build-codec.sh; takes minutes the first time.
# Needs apt (amd64), cargo and a C compiler. JOBS sets how many jobs cargo runs (default 2).
set -euo pipefail

# The pins. Debian's archive keeps the newest only: when one is gone, this script says so; raise it
# here, run build-codec.sh, and commit the package that it makes.
rust_version=1.96.0+dfsg1-1~deb12u2
llvm_version=1:22.1.8-1~deb12u1
wasm_pack_version=0.15.1
wasm_bindgen_version=0.2.129

[ $# -eq 1 ] || { echo "usage: wasm-toolchain.sh DEST" >&2; exit 2; }
dest=$(mkdir -p "$1" && cd "$1" && pwd)
jobs=${JOBS:-2}
release=${rust_version%%+*} # 1.96.0
host=x86_64-unknown-linux-gnu
target=wasm32-unknown-unknown
versions="rustc-web $rust_version
llvm $llvm_version
wasm-pack $wasm_pack_version
wasm-bindgen $wasm_bindgen_version"

say() { echo "wasm-toolchain: $*" >&2; }

# What DEST was made with, or nothing.
made() { cat "$dest/VERSIONS" 2>/dev/null || true; }

fetch_packages() {
  local wanted=(
    "rustc-web=$rust_version" "libstd-rust-web-${release%.*}=$rust_version"
    "libstd-rust-web-dev=$rust_version" "rust-web-src=$rust_version"
    "libllvm22=$llvm_version" "lld-22=$llvm_version"
  )
  if ! apt-get -qq download "${wanted[@]}" 2>/dev/null; then
    say "the pinned packages are not in apt's lists; updating them"
    apt-get -qq update
    if ! apt-get -qq download "${wanted[@]}"; then
      say "a pinned package is gone; the archive now has:"
      apt-cache policy rustc-web libllvm22 | sed -n '/^[a-z]/p;/Candidate/p' >&2
      say "raise the pins at the top of scripts/wasm-toolchain.sh, then run scripts/build-codec.sh"
      exit 69
    fi
  fi
}

# Lays rustc out below DEST as it expects to find itself, with a wrapper that finds its libraries.
unpack_compiler() {
  local unpacked=$1 deb
  mkdir -p "$unpacked" "$dest/bin" "$dest/lib/rustlib" "$dest/libexec"
  for deb in rustc-web_*.deb libstd-rust-web-*.deb libllvm22_*.deb lld-22_*.deb; do
    dpkg -x "$deb" "$unpacked"
  done
  mkdir -p "$dest/lib/rustlib/src/rust"
  dpkg --fsys-tarfile rust-web-src_*.deb |
    tar -x -C "$dest/lib/rustlib/src/rust" --strip-components=4 "./usr/src/rustc-$release/library"
  mv "$unpacked/usr/bin/rustc" "$dest/libexec/rustc"
  mv "$unpacked"/usr/lib/x86_64-linux-gnu/lib{LLVM,rustc_driver}*.so* "$dest/lib/"
  mv "$unpacked/usr/lib/rustlib/$host" "$dest/lib/rustlib/"
  mkdir -p "$dest/lib/rustlib/$host/bin"
  mv "$unpacked/usr/lib/llvm-22/bin/lld" "$dest/lib/rustlib/$host/bin/rust-lld"
  cat > "$dest/bin/rustc" <<'WRAPPER'
#!/bin/sh
d=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH=$d/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$d/libexec/rustc" "$@"
WRAPPER
  chmod +x "$dest/bin/rustc"
}

# Builds std for wasm32 from the source package, offline, from the crates vendored in it. The switch
# that makes stable tools do so is rustc's own, for building itself. The sources lie where rustc
# looks for its own: cargo names std's crates by their path from there (and others by the whole
# path), so that std, and with it the codec, comes out the same below any DEST.
build_std() {
  local crate=$1 library=$dest/lib/rustlib/src/rust/library lib
  mkdir -p "$crate"
  echo '#![no_std]' > "$crate/lib.rs"
  cat > "$crate/Cargo.toml" <<'MANIFEST'
[package]
name = "mkstd"
version = "0.0.0"
edition = "2021"
[lib]
path = "lib.rs"
[workspace]
[profile.release]
codegen-units = 1
opt-level = 3
debug = 0
panic = "abort"
MANIFEST
  (
    cd "$crate"
    CARGO_HOME=$crate/home RUSTC=$dest/bin/rustc RUSTC_BOOTSTRAP=1 \
      RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$library=/rustc/$release/library" \
      cargo --config "source.crates-io.replace-with='vendored'" \
      --config "source.vendored.directory='$library/vendor'" \
      build --quiet --jobs "$jobs" --offline --release --target "$target" \
      --target-dir "$crate/target" -Zbuild-std=std,panic_abort
  )
  mkdir -p "$dest/lib/rustlib/$target/lib"
  for lib in "$crate/target/$target"/release/deps/*.rlib; do
    case $lib in
      */libmkstd-*) ;;
      *) cp "$lib" "$dest/lib/rustlib/$target/lib/" ;;
    esac
  done
}

install_compiler() {
  say "installing rustc $rust_version with a std for $target (about two minutes)"
  rm -rf "$dest/lib" "$dest/libexec" "$dest/bin/rustc"
  scratch=$(mktemp -d "$dest/build.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  cd "$scratch"
  fetch_packages
  unpack_compiler "$scratch/unpacked"
  build_std "$scratch/mkstd"
  cd "$dest"
  rm -rf "$scratch" "$dest/lib/rustlib/src" # 70 MB of sources that have done their part
  trap - EXIT
}

# cargo install has its own idea of what is up to date; it does nothing then.
install_tool() {
  say "installing $1 $2 (minutes)"
  cargo install --quiet --locked --jobs "$jobs" --root "$dest" "$1@$2"
}

[ "$(made)" = "$versions" ] && exit 0
if [ "$(made | head -n 2)" != "$(head -n 2 <<< "$versions")" ]; then install_compiler; fi
head -n 2 <<< "$versions" > "$dest/VERSIONS"
install_tool wasm-bindgen-cli "$wasm_bindgen_version"
install_tool wasm-pack "$wasm_pack_version"
echo "$versions" > "$dest/VERSIONS"
