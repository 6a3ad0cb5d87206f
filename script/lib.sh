# shellcheck shell=bash
# What the scripts here share: sourced, never run.  Leaves the shell in the repository's root.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Debian's interpreter by its path: a pyenv or conda python3 that comes first in PATH lacks the
# modules that script/setup installed.
export PYTHON=/usr/bin/python3
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# configure DIR OPTION…: sets up a build folder once; later calls only apply changed options.  CC
# counts at the first call alone, as Meson has it.
configure() {
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        [ $# -eq 0 ] || meson configure "$dir" "$@"
    else
        rm -rf "$dir"
        meson setup "$dir" "$@" >"$dir.log" 2>&1 || {
            cat "$dir.log" >&2
            rm -f "$dir.log"
            return 1
        }
        rm -f "$dir.log"
    fi
}

# compile DIR [TARGET…]: quiet while all goes well, everything on failure.
compile() {
    local dir=$1 log
    shift
    log=$(mktemp)
    if ! ninja -C "$dir" -j "$jobs" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
