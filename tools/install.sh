#!/bin/sh
# Installs the npm packages that package-lock.json names, where that has not been done for this lock file and this Node.
#
# Install scripts run only for the packages that `allowScripts` of package.json allows, whatever the version of npm:
# the others download or compile things that Loom does not use.
set -eu
cd "$(dirname "$0")/.."
NAME=install
. tools/lib/stamp.sh

command -v node >/dev/null 2>&1 || die "there is no node here. Install Node.js 20.19 or newer."
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
  die "this is Node.js $(node --version); Loom needs 20.19 or newer."
command -v npm >/dev/null 2>&1 || die "there is no npm beside node. Install the npm that comes with Node.js."

STAMP=node_modules/.stamp-install
allowed=$(node -p '
  Object.entries(JSON.parse(fs.readFileSync("package.json", "utf8")).allowScripts).filter(([, yes]) => yes).map(([name]) => name).join(" ")')
wanted="$(digest package-lock.json .npmrc) $(node -p 'process.platform + " " + process.arch + " " + process.versions.modules') $allowed"
if is_done "$STAMP" "$wanted"; then exit 0; fi

say "installing the npm packages of package-lock.json (10 s to 2 minutes)"
rm -f "$STAMP"
npm ci --ignore-scripts --no-update-notifier --loglevel=error || die "npm could not install the packages; what it said is above."
present=
for package in $allowed; do
  [ ! -d "node_modules/$package" ] || present="$present $package"
done
# shellcheck disable=SC2086 # one word for each package
npm rebuild --loglevel=error $present >/dev/null || die "an install script of$present failed; what it said is above."
mark_done "$STAMP" "$wanted"
say "done"
