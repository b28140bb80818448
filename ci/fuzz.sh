#!/usr/bin/env bash
# libFuzzer looks for inputs on which a target of the crate `fuzz` fails:
#     ci/fuzz.sh [SECONDS] [TARGET...]        600 seconds each for `operations`, `experiment`,
#                                             `results` and `conversation`, unless said otherwise
#     ci/fuzz.sh --minimise [TARGET...]       keeps of fuzz/corpus/TARGET, and of what the runs before
#                                             have found, few small files that reach as much code
#     ci/fuzz.sh --reproduce TARGET FILE      runs a target on one input
# Instrumented for coverage and for AddressSanitizer, with debug assertions, in target/fuzz; x86-64
# Linux. Each target starts from its corpus and adds to a copy of it, target/fuzz/found/TARGET. Fails
# if a target crashes, hangs for ten seconds (`results`: a minute) or takes 2 GB, and says where the
# input is; and if nothing was executed. FUZZ_ASAN=0 does without AddressSanitizer: faster, and sees less.
set -euo pipefail
cd "$(dirname "$0")/.."
ALL=(operations experiment results conversation)
c++ --version >/dev/null 2>&1 || { echo "fuzz.sh: libFuzzer is built by a C++ compiler (Debian's g++)" >&2; exit 1; }
TRIPLE=x86_64-unknown-linux-gnu
export CARGO_TARGET_DIR=target/fuzz
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16 --cfg fuzzing"
if [ "${FUZZ_ASAN:-1}" = 1 ]; then
    # An unstable option of the compiler that the project is built with.
    export RUSTC_BOOTSTRAP=1
    flags="$flags -Zsanitizer=address"
fi
export RUSTFLAGS=$flags
# Stacks of allocations are for reports, and cost more than what is fuzzed.
export ASAN_OPTIONS=${ASAN_OPTIONS:-malloc_context_size=5}
# What is fuzzed is optimised and asserts; the rest would take minutes.
profile=(
    --config profile.release.lto=false
    --config profile.release.opt-level=2
    --config profile.release.debug-assertions=true
    --config profile.release.overflow-checks=true
    --config profile.release.package.harness.opt-level=1
)
for family in chaining controls cuckoo peers versioned; do
    profile+=(--config "profile.release.package.subjects-$family.opt-level=1")
done
binary() {
    echo "target/fuzz/$TRIPLE/release/examples/$1"
}
build() {
    local features=libfuzzer,harness
    # The tables need none of what the harness needs, and the server neither.
    [ "$1" = operations ] && features=libfuzzer
    [ "$1" = conversation ] && features=libfuzzer,server
    cargo build --quiet -p fuzz --example "$1" --release --target $TRIPLE --no-default-features \
        --features $features "${profile[@]}"
}
options() {
    # What is retired is freed later, which libFuzzer would take for a leak to look into each time:
    # targets count what they drop, and LeakSanitizer looks at the end.
    local timeout=10
    # A report with its intervals, instrumented.
    [ "$1" = results ] && timeout=60
    echo "-timeout=$timeout -rss_limit_mb=2048 -max_len=1024 -detect_leaks=0 -print_final_stats=1"
    if [ -e "fuzz/$1.dict" ]; then echo "-dict=fuzz/$1.dict"; fi
}
fuzz() {
    local target=$1 seconds=$2 found=target/fuzz/found/$1 log=target/fuzz/$1.log executed covered
    mkdir -p "$found" target/fuzz/crashes
    cp -n fuzz/corpus/"$target"/* "$found"
    echo "+ $target: $seconds s, from $(find "$found" -type f | wc -l) inputs"
    # shellcheck disable=SC2046 # words
    if ! "$(binary "$target")" $(options "$target") -max_total_time="$seconds" \
        -artifact_prefix="target/fuzz/crashes/$target-" "$found" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz.sh: $target failed; the input is in target/fuzz/crashes (see above), and" >&2
        echo "    ci/fuzz.sh --reproduce $target target/fuzz/crashes/$target-..." >&2
        echo "runs it again. When it is mended, add the input to fuzz/corpus/$target." >&2
        return 1
    fi
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
    echo "$target: ${executed:-0} executions, $covered (edges, features), $(
        find "$found" -type f | wc -l) inputs kept"
    if [ "${executed:-0}" -eq 0 ]; then
        echo "fuzz.sh: $target executed nothing" >&2
        return 1
    fi
}
minimise() {
    local target=$1 found=target/fuzz/found/$1 control=target/fuzz/$1.merge kept
    mkdir -p "$found"
    kept=$(mktemp -d target/fuzz/kept.XXXXXX)
    rm -f "$control"
    # shellcheck disable=SC2046 # words
    "$(binary "$target")" $(options "$target") -set_cover_merge=1 -merge_control_file="$control" "$kept" \
        "fuzz/corpus/$target" "$found" >target/fuzz/"$target".log 2>&1
    rm -r "$kept"
    python3 ci/fuzz_corpus.py "$control" "fuzz/corpus/$target"
}
case ${1:-} in
--reproduce)
    build "$2"
    # shellcheck disable=SC2046 # words
    "$(binary "$2")" $(options "$2") "$3"
    ;;
--minimise)
    shift
    for target in "${@:-${ALL[@]}}"; do
        build "$target"
        minimise "$target"
    done
    ;;
*)
    seconds=600
    case ${1:-} in [0-9]*) seconds=$1 && shift ;; esac
    failed=0
    for target in "${@:-${ALL[@]}}"; do
        build "$target"
        fuzz "$target" "$seconds" || failed=1
    done
    exit $failed
    ;;
esac
