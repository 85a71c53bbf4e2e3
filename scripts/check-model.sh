#!/usr/bin/env bash
# check-model.sh [--properties | --mutants]: walks through all states of docs/model/commit.pml with spin, and
# says of each property whether it holds and in how many states. Then breaks the model on purpose, once a
# mutant, and wants the property that the mutant is made for to fail. Without an argument: both.
#
# The bounds of each run stand here (docs/model/README.md has the sizes): the state space of each is walked
# through whole, without hashing states away. Needs spin and a C compiler, 2 GiB, and a minute or two.
#
# Exit code 0: all as it should be; 1: it is not; 2: wrong usage; 3: a tool is missing.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
model=commit.pml

case "${1:-}" in
  "") parts="properties mutants" ;;
  --properties) parts=properties ;;
  --mutants) parts=mutants ;;
  --help | -h) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "usage: check-model.sh [--properties | --mutants]" >&2; exit 2 ;;
esac

# need COMMAND PACKAGE
need() {
  command -v "$1" >/dev/null && return
  echo "check-model: $1 is missing; install it with: apt-get install $2" >&2
  exit 3
}
need spin spin
need cc build-essential

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$root/docs/model/$model" "$scratch"
cd "$scratch"
passed=0
failed=0

# Bounds of the runs: many incidents without time, then time with few of them.
outputs="-DOUTPUTS=3 -DGENERATIONS=3 -DINCIDENTS=4 -DTICKS=0"
generations="-DOUTPUTS=2 -DGENERATIONS=4 -DINCIDENTS=5 -DTICKS=0"
clock="-DOUTPUTS=2 -DGENERATIONS=3 -DINCIDENTS=1 -DTICKS=3"
ends="-DOUTPUTS=2 -DGENERATIONS=3 -DINCIDENTS=3 -DTICKS=0"
clock_ends="-DOUTPUTS=1 -DGENERATIONS=3 -DINCIDENTS=1 -DTICKS=2"

safety="ONE_REIGN OUTPUT_RULE NOTHING_LOST LITTLE_REPEATED IN_ORDER CLEAN_HANDOVER NO_SILENT_DIVERGENCE HELD_WHILE_HEALED"
timed="LEASE" # says nothing where no time goes by
liveness="CLAIM_ENDS ALL_PERFORMED TAKEN_OVER PROTECTED_AGAIN"

# build WHAT DEFINES...: makes ./pan, the walker for `safety` or `liveness`. A mutant is found sooner than an
# optimized walker is compiled.
build() {
  local kind=(-DSAFETY -DNOCLAIM) defines=("${@:2}")
  [ "$1" = safety ] || kind=(-DNFAIR=3)
  spin "${defines[@]}" -a "$model" >spin.out 2>&1 || { cat spin.out >&2; exit 1; }
  cc "$optimize" -w "${kind[@]}" -DNOREDUCE -DVECTORSZ=1024 -DMEMLIM=2000 -o pan pan.c
}

# walk [ARGUMENTS...]: runs ./pan; sets `states` and `errors`, dies if it did not get to the end.
walk() {
  rm -f ./*.trail
  ./pan -m100000 "$@" >pan.out 2>&1 || true
  states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' pan.out)
  errors=$(sed -nE 's/.*errors: ([0-9]+)$/\1/p' pan.out)
  if [ -z "$states" ] || [ -z "$errors" ] ||
    { [ "$errors" = 0 ] && grep -qE 'not completed|depth too small' pan.out; }; then
    echo "check-model: the walk did not get to its end:" >&2
    cat pan.out >&2
    exit 1
  fi
}

# bound NAME: the bounds NAME, as people read it.
bound() {
  local defines=${!1}
  printf '%s' "${defines//-D/}"
}

# judge IS-WELL NAME TEXT
judge() {
  if "$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-20s %s\n' "$2" "$3"
}

# way DEFINES...: the steps that lead to what was found: who took each, and its line of the model.
way() {
  spin -t -p "$@" "$model" 2>&1 | awk -v model="$model" '
    BEGIN {
      while ((getline text < model) > 0) line[++count] = text
      split("host 0,host 1,outside", who, ",")
    }
    match($0, /^ *[0-9]+:\tproc +[123] .*\.pml:[0-9]+/) && $1 != last {
      last = $1
      split(substr($0, 1, RLENGTH), place, ".pml:")
      printf "    %-8s%4d %s\n", who[$3], place[2], line[place[2]]
    }'
}

properties() {
  local run property all together optimize=-O1
  for run in outputs generations clock; do
    # shellcheck disable=SC2086
    build safety ${!run}
    walk
    all=$safety
    case ${!run} in *TICKS=0) ;; *) all="$safety $timed" ;; esac
    together=$errors
    for property in $all; do
      # If all of them together don't hold, each has to show by itself.
      if [ "$together" != 0 ]; then
        # shellcheck disable=SC2086
        build safety ${!run} -DONLY="$property"
        walk
      fi
      if [ "$errors" = 0 ]; then
        judge true "$property" "holds: $states states ($(bound $run))"
      else
        judge false "$property" "FAILS ($(bound $run)):"
        # shellcheck disable=SC2086
        way ${!run} -DONLY="$property"
      fi
    done
  done
  for run in ends clock_ends; do
    # shellcheck disable=SC2086
    build liveness ${!run}
    for property in $liveness; do
      walk -a -f -N "$property"
      if [ "$errors" = 0 ]; then
        judge true "$property" "holds: $states states ($(bound $run))"
      else
        judge false "$property" "FAILS ($(bound $run)):"
        # shellcheck disable=SC2086
        way ${!run}
      fi
    done
  done
}

# mutant NAME PROPERTY RUN: the model broken so must fail there.
mutant() {
  local found optimize=-O0
  # shellcheck disable=SC2086
  case " $safety $timed " in
    *" $2 "*) found="assertion violated"; build safety ${!3} -DMUTANT="$1" -DONLY="$2"; walk ;;
    *) found="acceptance cycle"; build liveness ${!3} -DMUTANT="$1"; walk -a -f -N "$2" ;;
  esac
  if grep -q "$found" pan.out; then
    judge true "$2" "fails with $1, as it must"
  else
    judge false "$2" "STILL HOLDS with $1 ($(bound "$3"))"
  fi
}

mutants() {
  mutant RELEASE_WITHOUT_ACK OUTPUT_RULE ends
  mutant PROTECT_EARLY NOTHING_LOST ends
  mutant GO_ALONE_WITHOUT_CLAIM ONE_REIGN ends
  mutant TAKE_OVER_WITHOUT_CLAIM ONE_REIGN ends
  mutant CLAIM_UNPROTECTED NOTHING_LOST ends
  mutant FORGET_KEPT IN_ORDER ends
  mutant FORGET_UNDONE_AT_JOIN NOTHING_LOST ends
  mutant NOTICE_BEFORE_PERFORMING NOTHING_LOST ends
  mutant IGNORE_NOTICES LITTLE_REPEATED ends
  mutant HEARD_WHEN_READ LEASE clock
  mutant OFFER_EARLY CLEAN_HANDOVER ends
  mutant FRESH_NONCE ALL_PERFORMED ends
  mutant UNREACHABLE_IS_LOST ALL_PERFORMED ends
  mutant UNREACHABLE_IS_LOST TAKEN_OVER ends
  mutant NEVER_CLAIM CLAIM_ENDS ends
  mutant CLAIM_DIVERGED NO_SILENT_DIVERGENCE ends
  mutant BELIEVE_PROTECTED NO_SILENT_DIVERGENCE ends
  mutant RELEASE_WHILE_HEALING HELD_WHILE_HEALED ends
  mutant ANY_ACK_HEALS HELD_WHILE_HEALED ends
  mutant GO_ALONE_WHILE_HEALING ONE_REIGN ends
  mutant FORGET_UNDONE_AT_HEALING NOTHING_LOST ends
  mutant CLAIM_WITH_ANY_STATE NOTHING_LOST ends
  mutant WITHHOLD_CLAIM PROTECTED_AGAIN ends
}

for part in $parts; do "$part"; done
if ((failed == 0)); then word=ok; else word=FAILED; fi
printf '%s | %d passed | %d failed (%d s)\n' "$word" "$passed" "$failed" "$SECONDS"
((failed == 0))
