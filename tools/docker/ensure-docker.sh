#!/bin/sh
# A Docker daemon for tests and CI, on machines where none answers.
#
#   ensure-docker.sh start DIR   starts a daemon unless one answers already; DIR keeps its pid, log and state
#   ensure-docker.sh stop DIR    stops the daemon that `start DIR` started, and nothing else
#   ensure-docker.sh status      exit 0 where a daemon answers
#
# start needs root or sudo without a password, and installs Debian's docker.io where there is no dockerd. Images stay
# in /var/lib/docker for the next start; processes, interfaces and firewall rules go with stop.
#
# DOCKER_HOST   where the daemon answers, a unix socket; unix:///var/run/docker.sock where not set
# LOOM_DOCKER_WAIT   seconds start waits for the daemon, 60 where not set
set -eu

HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
WAIT=${LOOM_DOCKER_WAIT:-60}

say() { printf 'docker: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# A client can be there without a daemon, so the daemon itself is asked.
answers() {
  if command -v curl >/dev/null 2>&1; then
    case $HOST in
      unix://*) [ "$(curl -s -m 10 --unix-socket "${HOST#unix://}" http://localhost/_ping 2>/dev/null)" = OK ]; return ;;
    esac
  fi
  command -v docker >/dev/null 2>&1 && timeout 10 docker -H "$HOST" version >/dev/null 2>&1
}

# Runs a command as root.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

install_docker() {
  command -v apt-get >/dev/null 2>&1 || die "there is no dockerd and no apt-get to install one with. Install Docker and start it."
  say "installing Debian's docker.io"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get -o DPkg::Lock::Timeout=120 -qq update &&
    apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends docker.io' >"$DIR/install.log" 2>&1 || {
      tail -n 20 "$DIR/install.log" >&2
      die "docker.io could not be installed; what apt-get said is above."
    }
}

# True where the process runs and is the program. One that has ended but was not waited for has no command line.
runs() {
  [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] && [ -n "$(tr -d '\0' <"/proc/$1/cmdline" 2>/dev/null)" ]
}

# True where any dockerd runs on this machine.
any_daemon() {
  for comm in /proc/[0-9]*/comm; do
    pid=${comm#/proc/}
    if runs "${pid%/comm}" dockerd; then return 0; fi
  done
  return 1
}

read_file() { cat "$1" 2>/dev/null || true; }

# True where the daemon that DIR is about runs.
ours_runs() {
  ours=$(read_file "$DIR/dockerd.pid")
  runs "$ours" dockerd && tr '\0' '\n' <"/proc/$ours/cmdline" | grep -qxF "$DIR/dockerd.pid"
}

# Starts dockerd and waits until it answers; fails where it ends before that, or takes too long.
launch() {
  as_root rm -f "$DIR/dockerd.pid"
  as_root sh -c 'setsid dockerd -H "$1" --group "$2" --pidfile "$3" >>"$4" 2>&1 </dev/null 9<&- &' \
    sh "$HOST" "$(id -gn)" "$DIR/dockerd.pid" "$DIR/dockerd.log"
  waited=0
  until answers; do
    [ "$waited" -lt "$WAIT" ] || return 1
    # dockerd writes its pid file first of all, so one that has ended shows soon.
    if [ "$waited" -ge 5 ] && ! ours_runs; then return 1; fi
    sleep 1
    waited=$((waited + 1))
    [ $((waited % 5)) -ne 0 ] || say "waiting for the daemon ($waited s)"
  done
}

start() {
  mkdir -p "$DIR"
  if answers; then say "a daemon answers at $HOST"; return; fi
  case $HOST in unix://*) ;; *) die "no daemon answers at $HOST, and only one on a unix socket can be started here." ;; esac
  # One that is just coming up is waited for. A second one would take the socket away from the first.
  waited=0
  while any_daemon; do
    if answers; then say "a daemon answers at $HOST"; return; fi
    [ "$waited" -lt 15 ] || die "a dockerd runs here but does not answer this user at $HOST. Add the user to the group docker, or set DOCKER_HOST."
    sleep 1
    waited=$((waited + 1))
  done
  can_be_root || die "no daemon answers at $HOST, and starting one needs root. Start Docker, or run this as root."
  PATH=$PATH:/usr/sbin:/sbin
  if ! command -v dockerd >/dev/null 2>&1; then
    install_docker
    # Where an init system runs, the package has started its own daemon.
    if answers; then say "a daemon answers at $HOST"; return; fi
  fi
  # What dockerd changes on the machine, so that stop can put it back.
  as_root iptables -S FORWARD 2>/dev/null | head -n 1 >"$DIR/forward" || true
  as_root iptables-save 2>/dev/null | grep -c DOCKER >"$DIR/chains" || true
  read_file /proc/sys/net/ipv4/ip_forward >"$DIR/ip_forward"
  [ -e /sys/class/net/docker0 ] && echo 1 >"$DIR/docker0" || echo 0 >"$DIR/docker0"
  say "starting dockerd, log in $DIR/dockerd.log"
  if ! launch; then
    tail -n 20 "$DIR/dockerd.log" >&2
    stop
    die "dockerd did not come up within $WAIT s; the end of its log is above."
  fi
  if ours_runs; then
    containerd_of "$(read_file "$DIR/dockerd.pid")" >"$DIR/containerd.pid"
  else
    # Somebody else's daemon came up in the meantime; what it changed is not ours to undo.
    forget
  fi
  say "the daemon answers at $HOST"
}

# The containerd that a dockerd has started: dockerd ends it, but where dockerd is killed it lives on.
containerd_of() {
  for status in /proc/[0-9]*/status; do
    awk -v parent="$1" '/^Name:/ {name = $2} /^Pid:/ {pid = $2} /^PPid:/ {if (name == "containerd" && $2 == parent) print pid}' \
      "$status" 2>/dev/null || true
  done
}

forget() {
  for file in dockerd.pid dockerd.log containerd.pid install.log forward chains ip_forward docker0; do
    as_root rm -f "$DIR/$file"
  done
  rmdir "$DIR" 2>/dev/null || true
}

# Waits until a process has ended, then kills it.
end_process() {
  runs "$1" "$2" || return 0
  as_root kill -TERM "$1" 2>/dev/null || true
  waited=0
  while runs "$1" "$2"; do
    if [ "$waited" -ge 40 ]; then as_root kill -KILL "$1" 2>/dev/null || true; fi
    [ "$waited" -lt 45 ] || die "process $1 ($2) does not end."
    sleep 1
    waited=$((waited + 1))
  done
}

# Puts back what dockerd has changed on the machine.
undo() {
  if [ "$(read_file "$DIR/docker0")" = 0 ] && [ -e /sys/class/net/docker0 ]; then
    as_root ip link delete docker0 2>/dev/null || say "the interface docker0 is left"
  fi
  if [ "$(read_file "$DIR/chains")" = 0 ]; then
    as_root sh -c 'iptables-save 2>/dev/null | grep -vi docker | iptables-restore' || say "firewall rules of Docker are left"
  fi
  case $(read_file "$DIR/forward") in *ACCEPT) as_root iptables -P FORWARD ACCEPT 2>/dev/null || true ;; esac
  if [ "$(read_file "$DIR/ip_forward")" = 0 ]; then
    as_root sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward' || true
  fi
}

stop() {
  if [ ! -e "$DIR/forward" ]; then say "no daemon was started from $DIR"; return; fi
  PATH=$PATH:/usr/sbin:/sbin
  # A daemon that was killed has left its containers running; started anew it ends them.
  if ! ours_runs && [ -s "$DIR/containerd.pid" ] && ! any_daemon; then
    say "the daemon was killed; starting it once more to clean up"
    end_process "$(read_file "$DIR/containerd.pid")" containerd
    launch || say "it does not come up; containers may be left"
    containerd_of "$(read_file "$DIR/dockerd.pid")" >"$DIR/containerd.pid"
  fi
  say "stopping the daemon"
  if ours_runs; then end_process "$ours" dockerd; fi
  end_process "$(read_file "$DIR/containerd.pid")" containerd
  # Where somebody else's daemon runs by now, interfaces and firewall rules are that one's.
  any_daemon || undo
  forget
  say "stopped"
}

usage() { die "usage: ensure-docker.sh start DIR | stop DIR | status"; }

case ${1:-} in
  start | stop)
    [ $# = 2 ] || usage
    case $2 in /*) DIR=$2 ;; *) DIR=$PWD/$2 ;; esac
    # One start or stop at a time.
    exec 9<"$0"
    flock 9
    "$1"
    ;;
  status) answers ;;
  *) usage ;;
esac
