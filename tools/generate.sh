#!/bin/sh
# Makes gen/: message types and stubs from proto/, the database client from db/schema.prisma. Does nothing where gen/
# was made from the same files already.
set -eu
cd "$(dirname "$0")/.."
NAME=generate
. tools/lib/stamp.sh

wanted=$(digest proto buf.yaml buf.gen.yaml package-lock.json)
if ! is_done gen/services/.stamp "$wanted" || ! is_done gen/web/.stamp "$wanted"; then
  say "types from proto/"
  rm -rf gen/services gen/web
  node_modules/.bin/buf generate
  mark_done gen/services/.stamp "$wanted"
  mark_done gen/web/.stamp "$wanted"
fi

wanted=$(digest db/schema.prisma prisma.config.ts package-lock.json)
if ! is_done gen/prisma/.stamp "$wanted"; then
  say "database client from db/schema.prisma"
  rm -rf gen/prisma
  # The generator looks for its schema engine and never runs it, so any program will do and nothing is downloaded.
  PRISMA_SCHEMA_ENGINE_BINARY=$(node -p process.execPath) CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 \
    node_modules/.bin/prisma generate >gen/prisma.log 2>&1 || { cat gen/prisma.log >&2; die "prisma generate failed."; }
  rm -f gen/prisma.log
  mark_done gen/prisma/.stamp "$wanted"
fi
