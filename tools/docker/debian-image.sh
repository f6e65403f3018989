#!/bin/sh
# Makes the Docker image loom-debian:12 that the catalog's image type `debian` names.
#
#   debian-image.sh            nothing happens where the image is there already
#   debian-image.sh --again    makes it once more
#
# Where an image registry answers it is debian:bookworm-slim under another name. Elsewhere it is built from Debian
# packages with mmdebstrap (or debootstrap, where only that is installed), from the package sources this machine uses
# itself; that needs root, or sudo without a password.
set -eu

IMAGE=loom-debian:12
BASE=debian:bookworm-slim
SUITE=bookworm
PACKAGES=ca-certificates,procps

say() { printf 'debian-image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The lines of sources.list for the suite, from what this machine's apt knows of Debian.
sources() {
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(RELEASE) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
    awk -v from="$release" -v to="$SUITE" '
      $1 == "Debian" && $5 == "main" && ($2 == from || index($2, from "-") == 1) && $2 !~ /backports|proposed/ {
        sub("^" from, to, $3)
        print "deb", $4, $3, $5
      }' | sort -u
}

# What this machine's apt is told about reaching its sources; a container needs the same.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(http::Proxy|https::Proxy|Check-Valid-Until|Check-Date|Retries) "' || true
}

# Fits out an unpacked Debian as a node: where packages come from, which certificates hold, no services by themselves.
fit_out() {
  root=$1
  sources >"$root/etc/apt/sources.list"
  rm -f "$root"/etc/apt/sources.list.d/*
  {
    apt_settings
    echo 'Acquire::Languages "none";'
    echo 'APT::Install-Recommends "false";'
  } >"$root/etc/apt/apt.conf.d/90loom"
  rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap"
  printf '#!/bin/sh\n# The packages start nothing: Loom starts the services.\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  # Certificates that this machine was given for its own network.
  for certificate in /usr/local/share/ca-certificates/*.crt; do
    [ -e "$certificate" ] || continue
    cp "$certificate" "$root/usr/local/share/ca-certificates/"
  done
  chroot "$root" update-ca-certificates >/dev/null 2>&1
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
    "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/log/bootstrap.log "$root"/etc/resolv.conf
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  : >"$root/etc/hostname"
}

# Unpacks Debian into a folder. Runs as root.
unpack() {
  root=$1
  if command -v mmdebstrap >/dev/null 2>&1; then
    settings=$(mktemp)
    { apt_settings; echo 'APT::Install-Recommends "false";'; } >"$settings"
    # Merged from the start, so that the package usrmerge with all of Perl is not needed.
    hooks=/usr/share/mmdebstrap/hooks/merged-usr
    if [ -d "$hooks" ]; then set -- "--hook-dir=$hooks" --include=usr-is-merged; else set --; fi
    sources | mmdebstrap --variant=minbase --mode=root --aptopt="$settings" "$@" --include="$PACKAGES" --format=directory \
      "$SUITE" "$root" - || { rm -f "$settings"; return 1; }
    rm -f "$settings"
  else
    # debootstrap takes one source; the others come with apt inside containers.
    debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$root" "$(sources | awk -v s="$SUITE" '$3 == s {print $2; exit}')"
  fi
}

# Builds the image from packages. Runs as root.
build() {
  PATH=$PATH:/usr/sbin:/sbin
  command -v apt-get >/dev/null 2>&1 || die "no image registry can be reached, and building the image needs a Debian machine with apt-get."
  if ! command -v mmdebstrap >/dev/null 2>&1 && ! command -v debootstrap >/dev/null 2>&1; then
    say "installing mmdebstrap"
    { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends mmdebstrap; } >&2 ||
      die "mmdebstrap could not be installed; what apt-get said is above."
  fi
  # A machine whose package lists were cleaned away does not know its own sources.
  [ -n "$(sources)" ] || apt-get -qq update >&2 || true
  [ -n "$(sources)" ] || die "this machine's apt has no Debian archive among its sources. Add one, or make an image $IMAGE on another machine and load it with docker load."
  work=$(mktemp -d)
  # chroot and apt need to read the folder as other users too.
  chmod 755 "$work"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  say "building $IMAGE from Debian packages (about 15 s)"
  unpack "$work/root" >&2 || die "Debian could not be unpacked; what the tool said is above."
  fit_out "$work/root"
  say "importing it into Docker"
  tar -C "$work/root" --numeric-owner -c . | docker import \
    -c 'CMD ["/bin/sh"]' -c "LABEL loom.image=debian-12" - "$IMAGE" >/dev/null || die "docker import failed."
}

case ${1:-} in
  '' | --again | --build) ;;
  *) die "usage: debian-image.sh [--again]" ;;
esac
if [ "${1:-}" = --build ]; then build; exit; fi

command -v docker >/dev/null 2>&1 || die "there is no docker client here. Install Docker first."
error=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null) ||
  die "the Docker daemon does not answer: $error. Start it, or set DOCKER_HOST."
if [ "${1:-}" != --again ] && docker image inspect "$IMAGE" >/dev/null 2>&1; then
  say "$IMAGE is there"
  exit 0
fi
say "asking the image registry for $BASE"
if error=$(timeout 600 docker pull -q "$BASE" 2>&1 >/dev/null); then
  docker tag "$BASE" "$IMAGE"
else
  say "no registry: $error"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null ||
    die "building the image from packages needs root. Run this as root, or load an image $IMAGE with docker load."
  as_root env DOCKER_HOST="${DOCKER_HOST:-}" sh "$0" --build
fi
say "$IMAGE is ready: $(docker image inspect --format '{{.Size}}' "$IMAGE" | awk '{printf "%d MB", $1 / 1000000}')"
