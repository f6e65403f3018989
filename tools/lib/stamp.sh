# For the scripts beside: what was done for which input, so that nothing is done twice. Source it, with NAME set.
#
# A stamp is a file inside what was made, holding a digest of all it was made from. It goes with what was made, is not
# fooled by the times of files, and is written last: what was interrupted is done again.

say() { printf '%s: %s\n' "$NAME" "$*" >&2; }
die() { say "$*"; exit 1; }

# A digest of files and of everything below folders, names included. What does not exist is left out.
digest() {
  for path in "$@"; do
    [ ! -e "$path" ] || find "$path" -type f ! -name '.stamp*' -print
  done | LC_ALL=C sort | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1
}

# True where the stamp holds this digest.
is_done() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# Writes the stamp.
mark_done() { mkdir -p "$(dirname "$1")" && printf '%s\n' "$2" >"$1"; }
