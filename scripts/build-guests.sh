#!/bin/sh
# Builds the bundled guests: scripts/build-guests.sh writes guests/images/*.elf, which are committed, so
# that nobody needs Rust to run them. scripts/build-guests.sh --check builds them elsewhere and says
# whether the committed images are what the source gives, byte for byte.
#
# The toolchain's own linker is used and every path is mapped away, so the images depend on nothing but
# the source and the rustc.
set -eu

expected="rustc 1.95.0 (59807616e 2026-04-14)"
target=x86_64-unknown-linux-gnu
guests="hello hostile kv ledger rogue spin stress"

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
images=$root/guests/images
rustc=${RUSTC:-rustc}
built=$root/guests/target
check=false
case "${1-}" in
  "") ;;
  --check)
    check=true
    built=$(mktemp -d)
    trap 'rm -rf "$built"' EXIT
    ;;
  *)
    echo "usage: $0 [--check]" >&2
    exit 2
    ;;
esac

actual=$("$rustc" --version)
commit=$("$rustc" -vV | sed -n 's/^commit-hash: //p')
library=$("$rustc" --print sysroot)/lib/rustlib/src/rust
(cd "$root/guests" && cargo fetch --quiet --locked --target "$target")
crates=$(printf -- '--remap-path-prefix=%s=crates\n' "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/)

# One flag a line; cargo wants them separated by 0x1f.
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\n' \
  -Clinker=rust-lld \
  -Clinker-flavor=ld.lld \
  -Clink-arg=-Truntime/link.ld \
  -Clink-arg=--build-id=none \
  -Clink-arg=--no-dynamic-linker \
  -Clink-arg=-zmax-page-size=4096 \
  -Crelocation-model=static \
  -Ctarget-cpu=x86-64 \
  -Cforce-unwind-tables=no \
  "--remap-path-prefix=$root/guests=guests" \
  "--remap-path-prefix=$library=/rustc/$commit" \
  "$crates" |
  paste -s -d "$(printf '\037')" -)
export CARGO_ENCODED_RUSTFLAGS
export CARGO_INCREMENTAL=0

cd "$root/guests"
cargo build --quiet --locked --release --target "$target" --target-dir "$built"

# Nothing in an image may tell hosts apart or escape the log (docs: determinism on stock KVM).
forbidden='cpuid|rdtscp?|rdpmc|rdpru|xgetbv|lsl|rdrand|rdseed|pushf[qw]?|ins[bwld]|outs[bwld]|rcp[ps]s|rsqrt[ps]s|xsave[a-z0-9]*|xrstor[a-z0-9]*|popcnt|cmpxchg16b|clac|stac|syscall|sysenter|v[a-z0-9]+'
# What a guest is there to do all the same.
allowed_in() {
  case $1 in
    rogue) echo 'rdtscp?|rdrand' ;;
    *) echo none ;;
  esac
}
status=0
for guest in $guests; do
  image=$built/$target/release/$guest
  listing=$(objdump -d -M intel --no-show-raw-insn "$image")
  found=$(printf '%s\n' "$listing" |
    awk -v forbidden="^($forbidden)\$" -v allowed="^($(allowed_in "$guest"))\$" \
      '{ for (i = 2; i <= 4; i++) if ($i ~ forbidden && $i !~ allowed) print }')
  if [ -n "$found" ]; then
    printf '%s: forbidden instructions:\n%s\n' "$guest" "$found" >&2
    status=1
  elif ! $check; then
    mkdir -p "$images"
    cp "$image" "$images/$guest.elf"
    chmod 644 "$images/$guest.elf"
  elif ! difference=$(cmp "$image" "$images/$guest.elf" 2>&1); then
    echo "guests/images/$guest.elf is not what the source gives: $difference" >&2
    status=1
  fi
done
if [ $status -ne 0 ]; then
  echo "images are built by $expected; this is $actual" >&2
elif $check; then
  echo "the guests' images are what the source gives"
fi
exit $status
