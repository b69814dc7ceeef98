# What the lab scripts share: sourced, never run.
#
# Each service writes only under $MARTLET_LAB_DIR (default /var/tmp/martlet-lab), listens on loopback or in network
# namespaces of its own, and is ended by the process ids it noted. `start` on a running service and `stop` on a stopped
# one do nothing. `start` prints NAME=value lines on standard output; everything for people goes to standard error.
set -euo pipefail
umask 022

# What is started here outlives the caller; a pipe or socket of the caller's that it inherited would keep the caller waiting.
for descriptor in /proc/$$/fd/*; do
  descriptor=${descriptor##*/}
  case $descriptor in 0 | 1 | 2 | 255) ;; *) eval "exec $descriptor>&-" 2>/dev/null || true ;; esac
done

MARTLET_LAB_DIR=${MARTLET_LAB_DIR:-/var/tmp/martlet-lab}
LAB_LIBRARY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Anybody may make a directory in /var/tmp: in one of somebody else's, root would boot what he put there.
mkdir -p "$MARTLET_LAB_DIR"
[ -O "$MARTLET_LAB_DIR" ] && [ ! -L "$MARTLET_LAB_DIR" ] || die "$MARTLET_LAB_DIR is not yours; remove it, or set MARTLET_LAB_DIR"

# packages NAME...: installs the Debian packages that are missing.
packages() {
  local name missing=()
  for name; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "missing Debian packages: ${missing[*]}; run as root, or install them"
  mkdir -p "$MARTLET_LAB_DIR"
  (
    flock 9
    [ -n "$(find "$MARTLET_LAB_DIR/.apt-updated" -mmin -720 2>/dev/null)" ] ||
      { apt-get -o DPkg::Lock::Timeout=600 update -qq >&2 && touch "$MARTLET_LAB_DIR/.apt-updated"; }
    say "installing: ${missing[*]}"
    # RUNLEVEL=1: a package's own daemon is not started by its install.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends \
      "${missing[@]}" >"$MARTLET_LAB_DIR/apt.log" 2>&1 || { tail -5 "$MARTLET_LAB_DIR/apt.log" >&2; die "apt-get install failed"; }
  ) 9>"$MARTLET_LAB_DIR/.apt-lock"
}

# A pid file holds "PID START"; START (field 22 of /proc/PID/stat) tells our process from a later one of the same number.
process_start() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
process_state() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1; }
note_pid() { printf '%s %s\n' "$1" "$(process_start "$1")" >"$2"; }
pid_of() { cut -d' ' -f1 "$1"; }
# Process 1 may reap late: a zombie is dead.
alive() {
  local pid start
  [ -s "$1" ] && read -r pid start <"$1" && [ -n "$start" ] && [ "$(process_start "$pid")" = "$start" ] &&
    [ "$(process_state "$pid")" != Z ]
}

# spawn PIDFILE LOG COMMAND...: in the background, in a session of its own.
spawn() {
  local pidfile=$1 log=$2; shift 2
  setsid "$@" </dev/null >"$log" 2>&1 9>&- &
  note_pid $! "$pidfile"
}

# await SECONDS COMMAND...: until it succeeds.
await() {
  local deadline=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { say "gave up waiting for: $*"; return 1; }
    sleep 0.1
  done
}
