#!/usr/bin/env bash
# A Docker engine for a host without one: use a running engine, or install one from Debian's or Ubuntu's own
# packages and start it.
#
#   engine.sh ensure   make `docker`, `docker compose` and `docker buildx` work; print one line with their versions
#   engine.sh status   print that line, or what is missing; change nothing
#   engine.sh stop     stop the engine if `ensure` started it
#
# What it does as root it prints first, before the password-free sudo that it uses as an ordinary user.
# It must not change an engine that it did not start, an existing /etc/docker/daemon.json, or the host's apt configuration:
# to install from another suite it uses a temporary apt configuration, which it deletes at the end.
#
# State: /var/lib/hakobune/engine (configuration, logs), /run/hakobune (process id, lock).
#
# Exit codes: 0 done; 20 wrong arguments; 21 this kind of host is not supported; 22 neither root nor passwordless sudo;
# 23 an engine runs, but this user may not use it; 24 DOCKER_HOST or the docker context names an engine that does not
# answer; 25 packages could not be installed; 26 no engine: it did not start (`ensure`) or does not answer (`status`);
# 27 the engine did not stop; 28 nothing was stopped: hakobune did not start the engine; 29 timeout while waiting for another
# run of this script.
set -u
umask 022

readonly STATE=/var/lib/hakobune/engine RUN=/run/hakobune
readonly PID_FILE=$RUN/dockerd.pid SOCKET=/var/run/docker.sock
readonly ENGINE_LOG=$STATE/dockerd.log APT_LOG=$STATE/apt.log
readonly MIN_DOCKER=23.0 MIN_BUILDX=0.13 START_TIMEOUT_S=60 STOP_TIMEOUT_S=60 LOCK_TIMEOUT_S=600
PATH=$PATH:/usr/sbin:/sbin
HERE=$(cd "$(dirname "$0")" && pwd)
readonly HERE

say() { printf '%s\n' "$*" >&2; } # one line: the step, then its outcome
fail() { # code, line...
    local code=$1 line
    shift
    for line in "$@"; do say "$line"; done
    exit "$code"
}
has() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; } # at_least WANTED FOUND
seconds_since() { echo "$((SECONDS - $1)) s"; }
show_tail() { # file, lines
    say "last lines of $1:"
    tail -n "$2" "$1" 2>/dev/null | sed 's/^/    /' >&2
}

# --- the current state ----------------------------------------------------------------------------------------------

# Sets ENGINE to `version|driver|driver status`, or leaves it empty and sets ENGINE_ERROR.
ask_engine() {
    local answer limit=""
    ENGINE="" ENGINE_ERROR="no docker client"
    has docker || return 1
    has timeout && limit="timeout 20" # a stuck engine must not block this script
    # shellcheck disable=SC2086 # two words on purpose
    answer=$($limit docker info --format 'hakobune|{{.ServerVersion}}|{{.Driver}}|{{.DriverStatus}}' 2>&1)
    ENGINE=$(printf '%s\n' "$answer" | sed -n 's/^hakobune|\([0-9].*\)/\1/p' | head -n 1)
    ENGINE_ERROR=$(printf '%s\n' "$answer" | grep -v '^hakobune|' | tail -n 1)
    [ -n "$ENGINE" ]
}

compose_version() { docker compose version --short 2>/dev/null | sed 's/^v//'; }
buildx_version() { docker buildx version 2>/dev/null | awk '{ sub(/^v/, "", $2); print $2; exit }'; }

describe() {
    local version driver status store="classic image store"
    IFS='|' read -r version driver status <<<"$ENGINE"
    case $status in *io.containerd.snapshotter*) store="containerd image store" ;; esac
    echo "docker engine $version, $store on $driver, compose $COMPOSE, buildx $BUILDX"
    at_least "$MIN_DOCKER" "$version" || say "warning: engine $version is older than $MIN_DOCKER; builds may not be reproducible"
}

# Sets COMPOSE and BUILDX to their versions, and MISSING to the names that must be installed, out of: client compose buildx.
find_missing_tools() {
    local client=""
    COMPOSE="" BUILDX="" MISSING=""
    has docker && client=$(docker --version 2>/dev/null | sed -n 's/^Docker version \([0-9.]*\).*/\1/p')
    { [ -n "$client" ] && at_least "$MIN_DOCKER" "$client"; } || MISSING="client"
    [ -n "$client" ] && COMPOSE=$(compose_version) && BUILDX=$(buildx_version)
    { [ -n "$COMPOSE" ] && at_least 2 "$COMPOSE"; } || MISSING="$MISSING compose"
    { [ -n "$BUILDX" ] && at_least "$MIN_BUILDX" "$BUILDX"; } || MISSING="$MISSING buildx"
}

engine_is_installed() {
    local version
    version=$(dockerd --version 2>/dev/null | sed -n 's/^Docker version \([0-9.]*\).*/\1/p')
    [ -n "$version" ] && at_least "$MIN_DOCKER" "$version"
}

# True if the docker client is configured to use this host's own socket.
targets_local_socket() {
    local endpoint=${DOCKER_HOST:-}
    if [ -z "$endpoint" ] && has docker; then
        endpoint=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)
    fi
    ENDPOINT=$endpoint
    case $endpoint in "" | "unix://$SOCKET" | unix:///run/docker.sock) return 0 ;; *) return 1 ;; esac
}

# --- installing -----------------------------------------------------------------------------------------------------

os_field() { sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d '"'; }

# Sets NAMES to the packages of the given pieces, and PINNED=1 if they must come from the next suite.
packages_for() { # piece...
    local id version piece
    id=$(os_field ID) version=$(os_field VERSION_ID)
    NAMES="" PINNED=0
    case $id in
        debian)
            case $version in 12) PINNED=1 ;; 9 | 10 | 11) return 1 ;; esac ;;
        ubuntu) ;;
        *) return 1 ;;
    esac
    for piece in "$@"; do
        case $id:$piece in
            debian:client) NAMES="$NAMES docker-cli" ;;
            ubuntu:client | *:engine) NAMES="$NAMES docker.io" ;;
            debian:compose) NAMES="$NAMES docker-compose" ;;
            ubuntu:compose) NAMES="$NAMES docker-compose-v2" ;;
            *:buildx) NAMES="$NAMES docker-buildx" ;;
        esac
    done
}

# A temporary apt configuration: the host's sources and preferences plus ours, with separate index files.
APT_ROOT=""
prepare_pinned_apt() {
    local mirror
    mirror=$("$HERE/base/mirror.sh") || exit 25
    APT_ROOT=$(mktemp -d) && chmod 755 "$APT_ROOT" && mkdir -p "$APT_ROOT/sources" "$APT_ROOT/preferences" "$APT_ROOT/lists"
    cp /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources "$APT_ROOT/sources/" 2>/dev/null
    cp /etc/apt/preferences.d/* "$APT_ROOT/preferences/" 2>/dev/null
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$APT_ROOT/sources/hakobune-trixie.list"
    cat >"$APT_ROOT/preferences/hakobune-trixie" <<PIN
Package: *
Pin: release n=trixie
Pin-Priority: -10

Package: docker.io docker-cli docker-compose docker-buildx
Pin: release n=trixie
Pin-Priority: 990
PIN
    APT_OPTIONS+=(-o "Dir::Etc::sourceparts=$APT_ROOT/sources" -o "Dir::Etc::preferencesparts=$APT_ROOT/preferences"
        -o "Dir::State::lists=$APT_ROOT/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
}

install_pieces() { # piece...
    local began=$SECONDS
    packages_for "$@" || fail 21 "packages: this script does not support $(os_field PRETTY_NAME), only Debian 12 or newer and Ubuntu." \
        "Install Docker Engine, its compose plugin and its buildx plugin ($MIN_BUILDX or newer), start it, then run this again."
    : >"$APT_LOG"
    APT_OPTIONS=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=2)
    [ "$PINNED" = 0 ] || prepare_pinned_apt
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    # Without systemd the package's own start script would start an engine without a process id in our PID_FILE.
    runs_systemd || export RUNLEVEL=1
    # A broken third-party list must not stop this script: the installation below reports missing packages.
    apt-get "${APT_OPTIONS[@]}" update >>"$APT_LOG" 2>&1 || say "package lists: could not read some of them (log: $APT_LOG)"
    # shellcheck disable=SC2086 # a list of names on purpose
    if ! apt-get "${APT_OPTIONS[@]}" install -y --no-install-recommends $NAMES >>"$APT_LOG" 2>&1; then
        show_tail "$APT_LOG" 8
        fail 25 "packages: could not install$NAMES (log: $APT_LOG)." \
            "Check that \`apt-get update\` works here (network, proxy, full disk), or install the packages by hand, then run this again."
    fi
    say "packages:$NAMES installed ($(seconds_since "$began"))"
}

# --- starting -------------------------------------------------------------------------------------------------------

runs_systemd() { [ -d /run/systemd/system ]; }

is_mounted() { awk -v at="$1" '$2 == at { found = 1 } END { exit !found }' /proc/mounts; }

# Containers need control groups; a host without an init system may not have mounted them.
mount_cgroups() {
    local controller
    grep -q ' cgroup2\? ' /proc/mounts && return 0
    if mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; then
        grep -q memory /sys/fs/cgroup/cgroup.controllers && { say "control groups: mounted (v2)"; return 0; }
        umount /sys/fs/cgroup
    fi
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup || fail 26 "control groups: could not mount them; containers cannot run here."
    awk '$1 !~ /^#/ && $4 == 1 { print $1 }' /proc/cgroups | while read -r controller; do
        mkdir -p "/sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" 2>/dev/null || rmdir "/sys/fs/cgroup/$controller"
    done
    is_mounted /sys/fs/cgroup/devices || fail 26 "control groups: this kernel has none that containers can use."
    say "control groups: mounted (v1)"
}

overlay_works() {
    local trial works=1
    mkdir -p /var/lib/docker && trial=$(mktemp -d /var/lib/docker/hakobune-trial.XXXXXX) || return 1
    mkdir "$trial/lower" "$trial/upper" "$trial/work" "$trial/merged"
    if mount -t overlay overlay -o "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" "$trial/merged" 2>/dev/null; then
        works=0
        umount "$trial/merged"
    fi
    rm -rf "$trial"
    return $works
}

# Docker needs one of the two iptables backends; a kernel may support only the older one.
choose_iptables() {
    ENGINE_PATH=$PATH
    iptables -t nat -nL >/dev/null 2>&1 && return 0
    if has iptables-legacy && iptables-legacy -t nat -nL >/dev/null 2>&1; then
        mkdir -p "$STATE/bin"
        ln -sf "$(command -v iptables-legacy)" "$STATE/bin/iptables"
        ln -sf "$(command -v ip6tables-legacy)" "$STATE/bin/ip6tables"
        ENGINE_PATH=$STATE/bin:$PATH
        say "iptables: the nft backend does not work here, so the engine uses the legacy one"
        return 0
    fi
    fail 26 "iptables: neither backend can read the nat table: $(iptables -t nat -nL 2>&1 | head -n 1)" \
        "Containers would have no network. Load the kernel's nat support (modprobe iptable_nat), or use another host."
}

# An existing configuration of the user is not changed. With the containerd image store the local image id is the manifest
# digest; a data folder that already has a classic store keeps it, because a change of store would hide its images.
choose_configuration() {
    local driver="" store=true
    CONFIGURATION=/etc/docker/daemon.json
    [ -e "$CONFIGURATION" ] && { say "configuration: using $CONFIGURATION unchanged"; return 0; }
    CONFIGURATION=$STATE/daemon.json
    ! runs_systemd || CONFIGURATION=/etc/docker/daemon.json # its unit reads no other file
    if [ -n "$(ls /var/lib/docker/image/*/imagedb/content/sha256 2>/dev/null)" ]; then
        store=false
        say "configuration: keeping the classic image store, because /var/lib/docker has images in it"
    fi
    if ! overlay_works; then
        driver=', "storage-driver": "'$([ $store = true ] && echo native || echo vfs)'"'
        say "storage: overlayfs cannot be mounted on /var/lib/docker, so each layer is a full copy; this is slow and uses much disk space"
    fi
    mkdir -p "$(dirname "$CONFIGURATION")"
    printf '{"features": {"containerd-snapshotter": %s}%s}\n' "$store" "$driver" >"$CONFIGURATION"
    say "configuration: wrote $CONFIGURATION"
}

# Field 22 of the process's line, counted after its name; nothing for a process that has ended.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }

# The pid file contains the pid, its start time and the boot id. All three must match, because process ids are reused.
our_pid() {
    local pid started boot
    read -r pid started boot 2>/dev/null <"$PID_FILE" || return 1
    case $pid in "" | *[!0-9]*) return 1 ;; esac
    [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
    [ -n "$started" ] && [ "$started" = "$(start_time "$pid")" ] || return 1
    case $(readlink "/proc/$pid/exe") in */dockerd | *"/dockerd (deleted)") echo "$pid" ;; *) return 1 ;; esac
}

start_with_systemd() {
    systemctl start docker.service >>"$ENGINE_LOG" 2>&1 || {
        journalctl -u docker.service -n 30 --no-pager >>"$ENGINE_LOG" 2>&1
        show_tail "$ENGINE_LOG" 20
        fail 26 "engine: systemctl start docker failed"
    }
    echo systemd >"$PID_FILE"
}

# Unmounts what our engine left mounted: only mounts that did not exist before its start, the last one first.
remove_leftovers() {
    local target
    if [ -e "$RUN/mounts.before" ]; then
        awk '{ print $2 }' /proc/mounts | grep -Fxv -f "$RUN/mounts.before" |
            grep -E '^(/var/lib/docker|/var/run/docker|/run/docker)(/|$)' | sed '1!G;h;$!d' |
            while IFS= read -r target; do umount "$(printf '%b' "$target")" 2>/dev/null; done
    fi
    rm -f "$PID_FILE" "$RUN/mounts.before" "$RUN/dockerd.own.pid"
}

# An open file of the caller, such as a lock, would stay open for as long as the engine runs.
close_inherited() {
    local descriptor
    for descriptor in /proc/self/fd/*; do
        descriptor=${descriptor##*/}
        [ "$descriptor" -gt 2 ] && eval "exec $descriptor>&-"
    done
    return 0
}

start_by_hand() {
    mount_cgroups
    choose_iptables
    awk '{ print $2 }' /proc/mounts >"$RUN/mounts.before"
    ulimit -n 1048576 2>/dev/null
    # setsid does not fork here (a script's child leads no process group), so $! is the engine's own id.
    (
        close_inherited
        PATH=$ENGINE_PATH exec setsid dockerd --config-file "$CONFIGURATION" --pidfile "$RUN/dockerd.own.pid" \
            </dev/null >"$ENGINE_LOG" 2>&1
    ) &
    echo "$! $(start_time $!) $(cat /proc/sys/kernel/random/boot_id)" >"$PID_FILE"
}

wait_until_it_answers() {
    local began=$SECONDS
    while ! ask_engine; do
        if ! runs_systemd && ! our_pid >/dev/null && [ $((SECONDS - began)) -ge 2 ]; then
            show_tail "$ENGINE_LOG" 15
            fail 26 "engine: dockerd stopped unexpectedly (log: $ENGINE_LOG)"
        fi
        if [ $((SECONDS - began)) -ge $START_TIMEOUT_S ]; then
            show_tail "$ENGINE_LOG" 15
            fail 26 "engine: no answer within $START_TIMEOUT_S s: $ENGINE_ERROR" "Run \`engine.sh stop\`, then run this again (log: $ENGINE_LOG)."
        fi
        sleep 0.3
    done
}

start_engine() {
    local began=$SECONDS
    if ! runs_systemd && our_pid >/dev/null; then
        say "engine: already running, waiting for its answer"
    else
        remove_leftovers
        if runs_systemd; then start_with_systemd; else start_by_hand; fi
    fi
    wait_until_it_answers
    say "engine: started ($(seconds_since "$began")); stop it with \`engine.sh stop\`"
}

# --- the three commands ---------------------------------------------------------------------------------------------

take_lock() {
    mkdir -p "$RUN" "$STATE"
    exec 9>"$RUN/lock"
    flock -w $LOCK_TIMEOUT_S 9 || fail 29 "engine: another run of this script is still active after $LOCK_TIMEOUT_S s; wait for it to finish, then run this again."
}

refuse_foreign_trouble() {
    if [ "$(uname -s)" != Linux ]; then
        fail 21 "engine: this host does not run Linux, so this script cannot install an engine." \
            "Install and start Docker Desktop (or another engine with compose and buildx), then run this again."
    fi
    case $ENGINE_ERROR in
        *"permission denied"*)
            fail 23 "engine: user $(id -un) has no permission to use the engine's socket: $ENGINE_ERROR" \
                "Run \`sudo usermod -aG docker $(id -un)\` and log in again (members of this group are root on this host), or run this as root." ;;
    esac
    targets_local_socket || fail 24 "engine: the docker client is configured to use $ENDPOINT, which does not answer: $ENGINE_ERROR" \
        "Start that engine, or unset DOCKER_HOST / run \`docker context use default\`."
}

# Says what the rest of `ensure` does as root, before it does it.
announce() {
    local pieces=$MISSING
    [ -n "$ENGINE" ] || engine_is_installed || pieces="engine $pieces"
    say "root: to have a Docker engine, this will run as root on this host:"
    # shellcheck disable=SC2086 # a list of names on purpose
    if [ -n "$pieces" ] && packages_for $pieces; then
        say "root: apt-get update, and apt-get install of$NAMES and what these depend on"
    fi
    [ -n "$ENGINE" ] || say "root: $(runs_systemd && echo "systemctl start docker" || echo "dockerd, detached"), which keeps its data in /var/lib/docker (settings and logs: $STATE)"
}

# As an ordinary user: run `ensure` as root, then check again as this user.
ensure_as_root() {
    { has sudo && sudo -n true 2>/dev/null; } || fail 22 "engine: installing or starting an engine needs root, or sudo without a password." \
        "Run \`sudo $0 ensure\`, or install Docker Engine with its compose and buildx plugins."
    say "root: running by sudo: $HERE/${0##*/} ensure; it prints what it will do, then does it"
    sudo -n -- "$HERE/${0##*/}" ensure >/dev/null || exit
    hash -r
    ask_engine || refuse_foreign_trouble
    find_missing_tools
}

ensure() {
    ask_engine
    [ -n "$ENGINE" ] || refuse_foreign_trouble
    find_missing_tools
    if [ -z "$ENGINE" ] || [ -n "$MISSING" ]; then
        if [ "$(id -u)" != 0 ]; then ensure_as_root; else ensure_locked; fi
    fi
    [ -z "$MISSING" ] || fail 25 "packages: still missing or too old after the installation: $MISSING"
    describe
}

ensure_locked() {
    local wanted
    [ "$(uname -s)" = Linux ] || refuse_foreign_trouble
    announce
    take_lock
    ask_engine
    find_missing_tools
    wanted=$MISSING
    [ -n "$ENGINE" ] || engine_is_installed || wanted="engine $wanted"
    [ -n "$ENGINE" ] || choose_configuration
    # shellcheck disable=SC2086 # a list of names on purpose
    [ -z "$wanted" ] || install_pieces $wanted
    hash -r
    [ -n "$ENGINE" ] || start_engine
    find_missing_tools
}

status() {
    ask_engine || fail 26 "engine: no engine answers: $ENGINE_ERROR"
    find_missing_tools
    [ -z "$MISSING" ] || say "missing or too old: $MISSING"
    describe
}

# Waits until the process with this id and start time is gone.
wait_for_end() { # pid, start time, seconds
    local tries=$(($3 * 5))
    while [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        sleep 0.2
    done
}

stop_by_hand() { # pid
    local began=$SECONDS child child_started
    child=$(cat /run/docker/containerd/containerd.pid 2>/dev/null)
    case $(readlink "/proc/${child:-none}/exe") in */containerd) child_started=$(start_time "$child") ;; *) child_started="" ;; esac
    kill -TERM "$1"
    wait_for_end "$1" "$(start_time "$1")" $STOP_TIMEOUT_S || fail 27 "engine: process $1 did not stop within $STOP_TIMEOUT_S s (log: $ENGINE_LOG)"
    if ! wait_for_end "$child" "$child_started" 10; then
        kill -TERM "$child"
        wait_for_end "$child" "$child_started" 10 || fail 27 "engine: its containerd, process $child, did not stop"
    fi
    remove_leftovers
    say "engine: stopped ($(seconds_since "$began"))"
}

stop() {
    local pid
    if [ "$(id -u)" != 0 ]; then
        { has sudo && sudo -n true 2>/dev/null; } || fail 22 "engine: stopping the engine needs root, or sudo without a password."
        say "root: running by sudo: $HERE/${0##*/} stop"
        sudo -n -- "$HERE/${0##*/}" stop
        exit
    fi
    take_lock
    if [ "$(cat "$PID_FILE" 2>/dev/null)" = systemd ] && runs_systemd; then
        systemctl stop docker.socket docker.service || fail 27 "engine: systemctl stop docker failed"
        rm -f "$PID_FILE"
        say "engine: stopped"
    elif pid=$(our_pid); then
        stop_by_hand "$pid"
    elif DOCKER_HOST=unix://$SOCKET ask_engine; then
        fail 28 "nothing stopped: the running engine was not started by hakobune"
    else
        remove_leftovers
        say "nothing to stop: no engine that hakobune started is running"
    fi
}

trap '[ -z "$APT_ROOT" ] || rm -rf "$APT_ROOT"' EXIT
case $#:${1:-} in
    1:ensure) ensure ;;
    1:status) status ;;
    1:stop) stop ;;
    *) fail 20 "usage: engine.sh ensure | status | stop" ;;
esac
