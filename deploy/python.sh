# Sourced by deploy/demo and deploy/test: makes .venv in the checkout, with a Python that we run on.
# Set `install` before: what to install, "." or ".[test]".

set -eu
cd "$(dirname "$0")/.."

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }

say_no_python() {
    found=$(python3 --version 2>/dev/null || echo "no python3")
    echo "Battery Hawk needs Python 3.11, 3.12 or 3.13; found: $found." >&2
    echo "On Debian 12 and 13, Raspberry Pi OS and Ubuntu 24.04: sudo apt-get install python3 python3-venv" >&2
    exit 1
}

make_venv() {
    for python in python3 python3.13 python3.12 python3.11 none; do
        [ "$python" = none ] && say_no_python
        fits "$python" && break
    done
    if ! "$python" -m venv --clear .venv; then
        echo "Python has no venv module here: sudo apt-get install python3-venv" >&2
        exit 1
    fi
}

install_into_venv() {
    stamp=.venv/installed$(printf %s "$install" | tr -dc a-z)
    if [ -e "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ]; then return; fi
    echo "Installing into $(pwd)/.venv (about a minute the first time) ..." >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$install"
    .venv/bin/python -m compileall -q actors hawk
    touch "$stamp"
}

fits .venv/bin/python || make_venv
install_into_venv
