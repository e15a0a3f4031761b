#!/bin/sh
# Create .venv, the tool's own environment, from dev.lock: exactly the locked packages, each checked by its hash.
#
#   venv.sh [PYTHON]      from the project's folder; PYTHON is 3.11 or newer (default python3)
#
# A .venv is complete or absent: after a failure or an interruption it is removed. On Debian and Ubuntu, as root or with
# passwordless sudo, missing Python packages are installed.
#
# Exit codes: 0 done; 20 no suitable Python; 21 the packages could not be installed.
set -eu
python=${1:-python3}

debian_install() { # package...
    command -v apt-get >/dev/null || return 1
    sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "root: running${sudo:+ by sudo}: apt-get update, and apt-get install of $*" >&2
    $sudo apt-get -qq update >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" >/dev/null
}

has_python() { "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

if ! has_python && [ "$python" = python3 ]; then debian_install python3 python3-venv || true; fi
if ! has_python; then
    echo "venv.sh: $python is not Python 3.11 or newer." >&2
    echo "venv.sh: install Python 3.11 or newer, or name it: make PYTHON=python3.13 ..." >&2
    exit 20
fi
if ! has_venv; then debian_install python3-venv || true; fi
if ! has_venv; then
    echo "venv.sh: $python has no module venv." >&2
    echo "venv.sh: install it (Debian, Ubuntu: apt-get install python3-venv)." >&2
    exit 20
fi

began=$(date +%s)
rm -rf .venv
trap 'rm -rf .venv' EXIT
trap 'exit 130' INT TERM
echo "python: creating .venv from environments/dev.lock" >&2
"$python" -m venv .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
if ! .venv/bin/pip install -qq --no-compile --require-hashes --only-binary :all: -r environments/dev.lock ||
    ! .venv/bin/pip install -qq --no-deps --no-build-isolation --editable .; then
    echo "venv.sh: could not install the packages above; check the network, the proxy and pip's configuration." >&2
    exit 21
fi
# Compiling all packages would take longer than everything above; compile only what the command line imports. Where
# PYTHONDONTWRITEBYTECODE is set, each submit would otherwise compile Azure's SDK again, which takes 3.5 s of CPU.
.venv/bin/python -m compileall -q src/hakobune .venv/lib/python3*/site-packages/click .venv/lib/python3*/site-packages/yaml
PYTHONDONTWRITEBYTECODE='' .venv/bin/python -c 'import azure.ai.ml, azure.identity' || true
touch .venv/ready
trap - EXIT
echo "python: .venv is ready ($(($(date +%s) - began)) s)" >&2
