#!/bin/sh
# Runs the README's two commands in a bare container, as a newcomer would: a fresh clone of HEAD on a Debian that has
# Python, make and Node.js and nothing else, no Docker daemon, no compiler.
#
#   main.sh [USERS [COMMANDS]]   users: root, user (an ordinary one without sudo); commands: run, test
#
# The container gets this machine's Node.js, and its certificates, proxies and npm settings where it has its own.
set -eu
cd "$(dirname "$0")/../.."
NAME=fresh-check
. tools/lib/stamp.sh

USERS=${1:-root user}
COMMANDS=${2:-run test}
IMAGE=loom-bare:12
CONTAINER=loom-fresh-$$
STATE=node_modules/.cache/loom-fresh-docker
work=$(mktemp -d)

finish() {
  docker rm -f -v "$CONTAINER" >/dev/null 2>&1 || true
  sh tools/docker/ensure-docker.sh stop "$STATE" 2>/dev/null || true
  rmdir "$STATE" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

command -v git >/dev/null 2>&1 || die "there is no git here to make a fresh clone with."
sh tools/docker/ensure-docker.sh start "$STATE"
sh tools/fresh-check/image.sh
[ -z "$(git status --porcelain)" ] || say "what is not committed is not part of this check"
git clone -q --no-hardlinks . "$work/loom"
say "HEAD is $(git log -1 --format='%h %s')"

# What the container needs of this machine to reach packages. Files are mounted, never copied.
settings() {
  bundle=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
  if [ -f "$bundle" ]; then
    echo "-v $(readlink -f "$bundle"):/etc/fresh-check/ca.crt:ro"
    for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE PIP_CERT NPM_CONFIG_CAFILE; do
      echo "-e $name=/etc/fresh-check/ca.crt"
    done
  fi
  for kind in global user; do
    file=$(npm config get "${kind}config" 2>/dev/null)
    [ ! -f "$file" ] || echo "-v $file:/etc/fresh-check/npmrc-$kind:ro -e NPM_CONFIG_$(echo "$kind" | tr a-z A-Z)CONFIG=/etc/fresh-check/npmrc-$kind"
  done
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NPM_CONFIG_REGISTRY; do
    if printenv "$name" >/dev/null; then echo "-e $name"; fi
  done
}

start() {
  node=$(readlink -f "$(command -v node)")
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  # shellcheck disable=SC2046 # one word for each flag
  docker run -d --init --name "$CONTAINER" -v "$node:/usr/local/bin/node:ro" -v "$npm:/usr/local/lib/node_modules/npm:ro" \
    -e NPM_CONFIG_PROGRESS=false $(settings) "$IMAGE" >/dev/null
  docker exec "$CONTAINER" sh -c '
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx &&
    useradd --create-home --shell /bin/sh user && node --version >/dev/null' ||
    die "this machine's Node.js does not run in a bare Debian."
  ! docker exec "$CONTAINER" sh -c 'command -v cc || command -v gcc || command -v docker || command -v sudo' ||
    die "the container is not bare."
}

failed=
for user in $USERS; do
  if [ "$user" = root ]; then home=/root; else home=/home/$user; fi
  start
  docker cp -q "$work/loom" "$CONTAINER:$home/loom" 2>/dev/null || docker cp "$work/loom" "$CONTAINER:$home/loom"
  docker exec "$CONTAINER" chown -R "$user" "$home/loom"
  for command in $COMMANDS; do
    say "as $user: make $command"
    began=$(date +%s)
    if docker exec -u "$user" -w "$home/loom" -e HOME="$home" -e USER="$user" "$CONTAINER" \
      python3 tools/fresh-check/inside.py "$command"; then
      say "as $user: make $command is good, $(($(date +%s) - began)) s"
    else
      say "as $user: make $command FAILED, $(($(date +%s) - began)) s"
      failed="$failed $user/$command"
    fi
  done
  docker rm -f -v "$CONTAINER" >/dev/null
done
[ -z "$failed" ] || die "failed:$failed"
say "all good"
