#!/bin/sh
# Compiles Loom to build/, where production runs from, and puts beside the compiled files what they read at run time:
# SQL, shell scripts, whatever is neither TypeScript nor text for people. Does nothing where build/ is up to date.
set -eu
cd "$(dirname "$0")/.."
NAME=build
. tools/lib/stamp.sh

SOURCES="services gateway cli db gen"
# shellcheck disable=SC2086 # one word for each folder
wanted=$(digest $SOURCES tsconfig.json tsconfig.build.json package-lock.json)
if is_done build/.stamp "$wanted"; then exit 0; fi

say "compiling to build/"
# Built beside and moved in one step: a Loom that runs from build/ never sees half of it.
next=node_modules/.loom-build-$$
trap 'rm -rf "$next" "$next-old"' EXIT
trap 'exit 130' INT TERM
node_modules/.bin/tsc -p tsconfig.build.json --outDir "$next" || die "the compiler found errors; they are above."
# shellcheck disable=SC2086
find $SOURCES -type f ! -name '*.ts' ! -name '*.md' ! -name '*.prisma' ! -name '.stamp*' -print | while IFS= read -r file; do
  mkdir -p "$next/$(dirname "$file")"
  cp -p "$file" "$next/$file"
done
mark_done "$next/.stamp" "$wanted"
[ ! -e build ] || mv build "$next-old"
mv "$next" build
