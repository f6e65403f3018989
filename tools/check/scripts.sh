#!/bin/sh
# Checks the syntax of every shell and Python script of the project, and with shellcheck where it is installed.
set -eu
cd "$(dirname "$0")/../.."

# Scripts by their first line; those that are only sourced, by their name.
scripts() {
  find . \( -name node_modules -o -name gen -o -name build -o -name .git -o -name .loom -o -name coverage \) -prune -o \
    -type f -size -200k -print | LC_ALL=C sort | while IFS= read -r file; do
      case $(head -c 80 "$file" | tr -d '\0' | head -n 1) in
        '#!/bin/sh'*) echo "sh $file" ;;
        '#!'*bash*) echo "bash $file" ;;
        '#!'*python3*) echo "python3 $file" ;;
        *) case $file in *.sh) echo "sh $file" ;; esac ;;
      esac
    done
}

all=$(scripts)
failed=0
echo "$all" | {
  while read -r shell file; do
    case $shell in
      python3) python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" || failed=1 ;;
      *) "$shell" -n "$file" || failed=1 ;;
    esac
  done
  exit "$failed"
}
if command -v shellcheck >/dev/null 2>&1; then
  for shell in sh bash; do
    echo "$all" | awk -v shell=$shell '$1 == shell {print $2}' |
      xargs -r shellcheck --severity=warning --shell=$shell --exclude=SC1091
  done
else
  echo "scripts: shellcheck is not installed here and was skipped; the syntax was checked"
fi
