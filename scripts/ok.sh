#!/usr/bin/env bash
# ok.sh: the one gate. Runs every check and every test, says which failed, and ends with
#   N passed, N failed
# where each test counts as one, of Deno's as of cargo's, and so does each check that is no test.
#
# A step that fails does not keep the others from being run. Called by `deno task ok`, which
# `./understudy test` calls. Needs deno, cargo with rustfmt and clippy, spin, a C compiler, qemu-system-x86,
# redis-tools, ping, etcd, and /dev/kvm; without that, what needs a KVM host is tested on a stock one in QEMU, and not all of it.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
cd "$root"
export NO_COLOR=1

rooms=(base devices codec ffi machine protocol link arbiter sinks network log primary backup serve demo)
passed=0
failed=0
failed_steps=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# step NAME COMMAND...: runs it, shows what it says, and counts it.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  printf '== %s\n' "$name"
  "$@" >"$output" 2>&1 || status=$?
  local tests bad
  tests=$(count passed)
  bad=$(count failed)
  if ((tests + bad == 0)); then
    if ((status == 0)); then tests=1; else bad=1; fi
  elif ((status != 0 && bad == 0)); then
    bad=1 # it failed besides its tests: a file that does not load, a leak, a lint of its own
  fi
  passed=$((passed + tests))
  failed=$((failed + bad))
  if ((status == 0)); then
    printf '   ok: %d passed, %d s\n' "$tests" "$((SECONDS - started))"
  else
    sed 's/^/   | /' "$output"
    printf '   FAILED: %d passed, %d failed, %d s\n' "$tests" "$bad" "$((SECONDS - started))"
    failed_steps+=("$name")
  fi
}

# count WORD: the sum of what the step's test runners say in their summaries, such as
#   ok | 12 passed (3 steps) | 0 failed (2s)            deno
#   test result: ok. 12 passed; 0 failed; 0 ignored     cargo
count() {
  sed -nE "s/^((ok|FAILED) \||test result:).* ([0-9]+) $1.*/\3/p" "$output" |
    awk '{ sum += $1 } END { print sum + 0 }'
}

# Every exported symbol has a doc comment. (`deno doc --lint` also wants one on each member, and types
# written out that are inferred from const tables on purpose: those are left to judgment.)
doc_lint() {
  local files=() file undocumented
  for room in "${rooms[@]}"; do
    for file in "$room"/*.ts; do
      case $file in *_test.ts | *_test_*.ts | */testing.ts) ;; *) files+=("$file") ;; esac
    done
  done
  undocumented=$(deno doc --lint "${files[@]}" 2>&1 | awk '
    /^error\[missing-jsdoc\]/ { getline place; getline; getline code
      if (code ~ /\| export /) print place code }') || true
  [ -z "$undocumented" ] || { printf 'no doc comment:\n%s\n' "$undocumented"; return 1; }
}

cargo_in() {
  (cd "$1" && shift && cargo "$@")
}

step "deno fmt" deno fmt --check
step "deno lint" deno lint
step "deno check" deno check
step "deno doc --lint" doc_lint
step "codec: cargo fmt" cargo_in codec fmt --check
step "codec: cargo clippy" cargo_in codec clippy --quiet --locked --all-targets -- -D warnings
step "codec: cargo test" cargo_in codec test --quiet --locked
step "codec: the built package is the source's" scripts/build-codec.sh --check
step "guests: cargo fmt" cargo_in guests fmt --all --check
step "guests: cargo clippy" cargo_in guests clippy --quiet --locked --workspace -- -D warnings
step "guests: cargo test" cargo_in guests test --quiet --locked --package kv --package ledger --package spin
step "guests: the built images are the source's" scripts/build-guests.sh --check
step "model: spin" scripts/check-model.sh
# Bounded, so that a test that hangs is a failure with a name: it is the last one that is shown.
deno_test() {
  timeout --kill-after=10 1800 deno test --quiet --allow-all "$@"
}

on_stock_host() {
  deno task --quiet stock-kvm --timeout 30m -- env NO_COLOR=1 "$@"
}

if [ -e /dev/kvm ]; then
  step "deno test" deno_test
else
  echo "no /dev/kvm on this machine: a part of the tests runs on a stock KVM host in QEMU, others do not run"
  in_box=(ffi/{kick,kvm,vcpu}_test.ts machine/{cpuid,digest,dirty_set,doctor,host_kind,state,vcpu_loop,vcpu_thread}_test.ts)
  # By their names: what is named by its folder is not ignored.
  mapfile -t here < <(find "${rooms[@]}" guests scripts bench -path guests/target -prune -o -name '*_test.ts' -print |
    grep -vxF -f <(printf '%s\n' "${in_box[@]}" demo/demo_test.ts))
  here+=(tests/{tidy,etcd_arbiter,stock_kvm}_test.ts)
  step "deno test of what needs no KVM" deno_test "${here[@]}"
  step "stock host: deno test of what does" on_stock_host deno test --no-check --quiet --allow-all "${in_box[@]}"
  step "stock host: replay is exact" on_stock_host deno run --no-check --quiet --allow-all \
    tests/campaigns/replay.ts --seeds 1 --rounds 5 --requests 20
  step "stock host: the demo" ./understudy demo
fi

if ((${#failed_steps[@]} > 0)); then
  printf '\nFAILED:\n'
  printf '  %s\n' "${failed_steps[@]}"
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
