#!/bin/sh
# Installs Debian packages that are missing here, each by the program that it brings.
#
#   packages.sh PACKAGE:PROGRAM...   PROGRAM is a name on PATH or a path, wildcards allowed
#
# Needs root, or sudo without a password. Where neither is there, or no apt-get, it says what is missing and how to get
# it, and ends with 0: whoever needs the program says so in its turn.
set -eu
# shellcheck disable=SC2034 # stamp.sh names it
NAME=packages
. "$(dirname "$0")/lib/stamp.sh"
PATH=$PATH:/usr/sbin:/sbin

has() {
  # shellcheck disable=SC2086 # the wildcards are meant
  case $1 in
    /*) ls $1 >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing=
for pair in "$@"; do
  has "${pair#*:}" || missing="$missing ${pair%%:*}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then root=; elif sudo -n true 2>/dev/null; then root="sudo -n"; else
  say "missing here:$missing. Root can install it: apt-get install$missing"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  say "missing here:$missing. There is no apt-get to install it with."
  exit 0
fi
say "installing$missing (apt-get, 1 to 2 minutes)"
# Debian's PostgreSQL makes and starts a database cluster when it is installed; only its programs are wanted.
case $missing in
  *postgresql*)
    $root mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' | $root tee /etc/postgresql-common/createcluster.d/loom.conf >/dev/null
    ;;
esac
# shellcheck disable=SC2086 # one word for each package
$root env DEBIAN_FRONTEND=noninteractive sh -c '
  apt-get -o DPkg::Lock::Timeout=300 -qq update &&
  apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends "$@"' sh $missing >&2 ||
  say "apt-get could not install$missing; what it said is above."
