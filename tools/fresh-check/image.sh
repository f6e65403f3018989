#!/bin/sh
# Makes the Docker image loom-bare:12: Debian with Python and make, and what the binary of Node.js is linked with. No
# compiler, no git, no sudo. Node.js itself comes from this machine when a container starts.
set -eu
cd "$(dirname "$0")/../.."
NAME=fresh-check
. tools/lib/stamp.sh

IMAGE=loom-bare:12
if docker image inspect "$IMAGE" >/dev/null 2>&1; then exit 0; fi
sh tools/docker/debian-image.sh
say "making $IMAGE"
container=$(docker run -d loom-debian:12 sh -c '
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 make libstdc++6 &&
  rm -rf /var/lib/apt/lists/*')
trap 'docker rm -f "$container" >/dev/null' EXIT
trap 'exit 130' INT TERM
if [ "$(docker wait "$container")" != 0 ]; then
  docker logs "$container" >&2
  die "Python and make could not be installed; what apt-get said is above."
fi
docker commit -c 'CMD ["sleep", "infinity"]' "$container" "$IMAGE" >/dev/null
