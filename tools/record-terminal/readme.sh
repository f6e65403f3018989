#!/bin/sh
# Records docs/terminal.svg, the terminal that the README shows: a first start in a data folder of its own, so that it
# touches no Loom that is in use. What it starts is deleted again.
set -eu
cd "$(dirname "$0")/../.."
python3 tools/record-terminal/record.py --rows 30 --title "Loom: from a template to a running cluster" docs/terminal.svg \
  'make run => farm: http' 'bin/loom status hello' 'bin/loom add-nodes hello web 2 --wait' 'bin/loom nodes hello'
