#!/bin/sh
# Makes .venv match a lock file: ./setup.sh [requirements.lock]. Needs Python 3.11 and its package index, nothing else.
# Quiet and quick when .venv already matches. Safe when several start at once.
set -eu
cd "$(dirname "$(readlink -f "$0")")"
root=$PWD
lock=${1:-requirements.lock}
stamp=.venv/huiyin-stamp

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# Changes with the content of the lock file and with the place of this clone.
mark() { echo "$(cksum <"$1") $root/$1"; }
ready() { [ -x .venv/bin/python ] && grep -qxF "$(mark "$lock")" "$stamp" 2>/dev/null; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        new_enough "$python" && return
    done
    die "Python 3.11 or newer is needed, $(python3 --version 2>&1 || true) is what there is." \
        "Install python3.11 or newer (Debian 12, Ubuntu 24.04 and later have it) and run this again."
}

# uv does not read pip's configuration; an index that is set there is meant for us too.
use_index_of_pip() {
    [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || return 0
    index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
}

# A pip that may be a guest in an externally managed Python: it only ever writes below .venv.
find_pip() {
    pip=$python
    "$pip" -m pip --version >/dev/null 2>&1 && return
    "$python" -m venv .venv/pip >/dev/null 2>&1 || die "Python's venv module does not work here." \
        "Install it (Debian, Ubuntu: apt-get install python3-venv) or install uv, and run this again."
    pip=.venv/pip/bin/python
}

find_uv() {
    for uv in uv "$root/.venv/uv/bin/uv"; do
        "$uv" --version >/dev/null 2>&1 && return
    done
    find_pip
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 "$pip" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --target .venv/uv --requirement requirements-setup.lock || die "pip could not fetch uv: see above."
}

install() {
    new_enough .venv/bin/python || rm -rf .venv
    find_uv
    [ -x .venv/bin/python ] || "$uv" venv --quiet --allow-existing --python "$python" .venv
    "$uv" pip sync --quiet --require-hashes --python .venv/bin/python "$lock" ||
        die "the packages of $lock could not be installed: see above. Is the package index reachable?"
    echo "$root" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/huiyin.pth"
    rm -rf .venv/pip
}

ready && exit 0
say "preparing .venv from $lock"
began=$(date +%s)
find_python
use_index_of_pip

# The lock belongs to descriptor 3 and so ends with this script, even when it is killed.
exec 3<requirements.lock
"$python" -c 'import fcntl; fcntl.flock(0, fcntl.LOCK_EX)' <&3

# What was set up for the tests stays so: requirements-dev.lock contains requirements.lock.
if grep -qF requirements-dev.lock "$stamp" 2>/dev/null; then lock=requirements-dev.lock; fi
if ! ready; then
    rm -f "$stamp"
    install
    { mark requirements.lock; mark "$lock"; } >"$stamp"
fi
say "ready after $(($(date +%s) - began)) s"
