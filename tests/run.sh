#!/bin/bash
# Installs what the tests need, builds, and runs them all. The last line counts them.
#
# usage: tests/run.sh [--fast] [STAGE...]
#   --fast    without sanitize, memcheck, faults and bench
#   STAGE     only these: unit sanitize schema lint system memcheck faults bench
#
# Works on Debian 12 and 13 as root or with sudo. Everything is built and logged below
# build-test/; the servers that are started are private and gone at the end.
#
# HIGHWATER_MOSQUITTO: the broker of the system tests, a name or a path; without it, the one that is installed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=$PWD/build-test
logs=$build/logs
stages=()
fast=false
passed=0 failed=0 skipped=0

# Debian's own python3 has the modules; another may come first on the caller's PATH.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export HIGHWATER_BUILD=$build/plain # for tests/lint and tests/system
unset PYTHONPATH PYTHONHOME MAKEFLAGS "${!PG@}"

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
}

say() {
    printf '%-10s %s\n' "$1" "$2"
}

# add PASSED FAILED SKIPPED
add() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# finish STAGE STATUS "PASSED FAILED SKIPPED" LOG: a stage that failed without saying where counts as a failure.
finish() {
    local counts
    read -ra counts <<<"$3"
    [ "${#counts[@]}" -eq 3 ] || counts=(0 0 0)
    if [ "$2" -ne 0 ] && [ "${counts[1]}" -eq 0 ] || [ $((counts[0] + counts[1] + counts[2])) -eq 0 ]; then
        counts[1]=$((counts[1] + 1))
        echo "$1: ended with status $2"
    fi
    add "${counts[@]}"
    say "$1" "${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped, $((SECONDS - started)) s"
    if [ "${counts[1]}" -gt 0 ]; then
        echo "--- the end of $4"
        tail -n 80 "$4"
        echo "---"
    fi
}

# build_in DIRECTORY MESON_OPTION...: warnings are errors here.
build_in() {
    local directory=$1
    shift
    if [ ! -f "$directory/build.ninja" ]; then
        rm -rf "$directory"
        meson setup "$directory" -Dwerror=true "$@" || return
    fi
    meson compile -C "$directory"
}

# cmocka_tests STAGE DIRECTORY
cmocka_tests() {
    local log=$logs/$1.log status
    CMOCKA_MESSAGE_OUTPUT=tap meson test -C "$2" --print-errorlogs >"$log" 2>&1
    status=$?
    finish "$1" $status "$(python3 tests/count.py meson "$2/meson-logs/testlog.json" 2>>"$log")" "$log"
}

stage_unit() {
    cmocka_tests unit "$build/plain"
}

stage_sanitize() {
    if ! build_in "$build/sanitize" -Db_sanitize=address,undefined -Db_lundef=false >"$logs/sanitize-build.log" 2>&1; then
        finish sanitize 1 "0 0 0" "$logs/sanitize-build.log"
        return
    fi
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1 \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 cmocka_tests sanitize "$build/sanitize"
}

stage_schema() {
    local log=$logs/schema.log status
    timeout --foreground --kill-after=30 300 tests/schema/run --verbose >"$log" 2>&1
    status=$?
    finish schema $status "$(python3 tests/count.py prove "$log")" "$log"
}

stage_lint() {
    local check log=$logs/lint.log counts=(0 0 0)
    : >"$log"
    for check in headers layers layers_selftest exports words format tidy cppcheck shell python; do
        echo "== $check" >>"$log"
        timeout --foreground 600 "tests/lint/$check" >"$logs/lint-$check.log" 2>&1
        case $? in
        0) counts[0]=$((counts[0] + 1)) ;;
        77)
            counts[2]=$((counts[2] + 1))
            say lint "$check skipped: $(tail -n 1 "$logs/lint-$check.log")"
            ;;
        *)
            counts[1]=$((counts[1] + 1))
            say lint "$check failed"
            tail -n 30 "$logs/lint-$check.log" >>"$log"
            ;;
        esac
    done
    finish lint 0 "${counts[*]}" "$log"
}

# system_tests STAGE PYTEST_OPTION...
system_tests() {
    local stage=$1 status log=$logs/$1.log
    shift
    rm -f "$logs/$stage.xml"
    timeout --foreground --kill-after=60 900 /usr/bin/python3 -m pytest --junit-xml="$logs/$stage.xml" \
        --durations=10 "$@" tests/system >"$log" 2>&1
    status=$?
    finish "$stage" $status "$(python3 tests/count.py junit "$logs/$stage.xml" 2>>"$log")" "$log"
}

stage_system() {
    # shellcheck disable=SC2086 # several options in one variable
    system_tests system ${HIGHWATER_PYTEST:-}
}

stage_memcheck() {
    HIGHWATER_TEST_PATIENCE=5 system_tests memcheck --memcheck -m memcheck
}

# short_forms STAGE COMMAND...: short forms of long runs, each a test: what they find wrong is in their logs.
short_forms() {
    local stage=$1 log=$logs/$1.log counts=(0 0 0) command
    shift
    : >"$log"
    for command in "$@"; do
        echo "== $command" >>"$log"
        # shellcheck disable=SC2086 # a program and its options
        if timeout --foreground --kill-after=60 400 $command >>"$log" 2>&1; then
            counts[0]=$((counts[0] + 1))
        else
            counts[1]=$((counts[1] + 1))
            say "$stage" "$command failed"
        fi
    done
    finish "$stage" 0 "${counts[*]}" "$log"
}

stage_faults() {
    short_forms faults "tests/faults/run --short" "tests/faults/outage --short"
}

# That it runs and prints; what it measures beside other work says nothing.
stage_bench() {
    short_forms bench "tests/bench/run --short --output $logs/bench"
}

# Processes that were started from here, by the folder that all of them name.
leftover_processes() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        if tr '\0' ' ' 2>/dev/null <"$file" | grep -qF "$scratch/"; then
            basename "$(dirname "$file")"
        fi
    done
}

tree() {
    git -c safe.directory='*' status --porcelain --ignored --untracked-files=all 2>/dev/null | grep -v ' build'
}

# The last test: nothing is left of all the others.
stage_clean() {
    local log=$logs/clean.log pids
    pids=$(leftover_processes)
    {
        for pid in $pids; do
            echo "left running: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
            kill -KILL "$pid"
        done
        find "$scratch" -mindepth 1 | sed 's/^/left behind: /'
        diff <(echo "$tree_before") <(tree) | sed -n 's/^>/new in the source tree:/p'
    } >"$log" 2>&1
    if [ -s "$log" ]; then
        finish clean 1 "0 1 0" "$log"
    else
        finish clean 0 "1 0 0" "$log"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
    --fast) fast=true ;;
    --help | -h)
        usage
        exit 0
        ;;
    unit | sanitize | schema | lint | system | memcheck | faults | bench) stages+=("$1") ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done
if [ "${#stages[@]}" -eq 0 ]; then
    stages=(unit sanitize schema lint system memcheck faults bench)
    if $fast; then
        stages=(unit schema lint system)
    fi
fi

tree_before=$(tree)
mkdir -p "$logs"
started=$SECONDS
if ! { examples/packages.sh run && examples/packages.sh test; } >"$logs/packages.log" 2>&1; then
    tail -n 40 "$logs/packages.log"
    echo 'the packages that the tests need could not be installed'
    echo '0 passed, 1 failed'
    exit 1
fi
if ! build_in "$build/plain" >"$logs/build.log" 2>&1; then
    tail -n 60 "$logs/build.log"
    echo 'the build failed'
    echo '0 passed, 1 failed'
    exit 1
fi
say build "$((SECONDS - started)) s"

# Servers run as other users, and sockets want short names: not below the source tree.
scratch=$(mktemp -d /tmp/highwater-XXXXXX)
chmod 755 "$scratch"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export TMPDIR=$scratch

for stage in "${stages[@]}"; do
    started=$SECONDS
    "stage_$stage"
done
started=$SECONDS
stage_clean

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
