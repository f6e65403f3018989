#!/bin/sh
# Records docs/terminal.svg, the terminal that the README shows: a first start in a data folder of its own, so that no
# Loom that is in use is touched. The last command deletes what the first one made.
set -eu
cd "$(dirname "$0")/../.."
LOOM_DATA=$(mktemp -d)
XDG_CONFIG_HOME=$LOOM_DATA/config
export LOOM_DATA XDG_CONFIG_HOME
trap 'rm -rf "$LOOM_DATA"' EXIT
trap 'exit 130' INT TERM
python3 tools/record-terminal/record.py --rows 30 --title "Loom: from a template to a running cluster" docs/terminal.svg \
  'make run => farm: http' 'bin/loom status hello' 'bin/loom add-nodes hello web 2 --wait' 'bin/loom delete hello --yes --wait'
