/**
 * What Loom does to a host as such: one shell script that is sent to it whole. A host is taken by the file `reserved` in
 * Loom's folder there, which holds the machine's token; every step is under a lock, so of two who want a host one gets it.
 *
 * <base>/lock        held while the script works
 * <base>/reserved    TOKEN CLUSTER_UID NODE HOSTNAME
 * <base>/<token>/    the node's home: bin, run, services, log; run/confirmed since Loom has worked with it as this node
 */
import { installScript } from "../../node/files.js";
import { quoted } from "./quoting.js";

/** Every process of a node carries the token in this variable. */
export const TOKEN_VARIABLE = "LOOM_NODE_TOKEN";

/** For every command of a node; sshd gives users other than root no folders of programs for root. */
export function nodePath(home: string): string {
  return `${home}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

/** Shell: sets start to when process $1 began, in clock ticks since boot; a process id with it names a process for ever. */
export const START_OF = `
start_of() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=\${stat##*) }
  set -- $stat
  [ "$1" != Z ] && start=\${20}
}
init_runs() {
  pid='' begun=''
  { read -r pid begun <"$1/run/init"; } 2>/dev/null
  [ -n "$pid" ] && start_of "$pid" && [ "$start" = "$begun" ]
}
`;

const SCRIPT = `
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
${START_OF}
held() {
  token_there='' rest=''
  if [ -f "$base/reserved" ]; then read -r token_there rest <"$base/reserved"; fi
  [ -n "$token_there" ]
}
locked() {
  mkdir -p "$base" || exit 73
  while :; do
    exec 9>>"$base/lock"
    flock -w 60 9 || { echo "another one works on this host for a minute already" >&2; exit 75; }
    # Whoever held it last may have removed it.
    [ "$(stat -c %i "$base/lock" 2>/dev/null)" = "$(stat -Lc %i /proc/self/fd/9)" ] && return
  done
}
marked() {
  grep -slzxF -- "${TOKEN_VARIABLE}=$token" /proc/[0-9]*/environ 2>/dev/null
  [ -n "$session" ] || return 0
  for file in /proc/[0-9]*/stat; do
    { IFS= read -r stat <"$file"; } 2>/dev/null || continue
    stat=\${stat##*) }
    set -- $stat
    [ "$4" = "$session" ] && [ "$1" != Z ] && echo "$file"
  done
}
kill_all() {
  tries=0
  while files=$(marked | sort -u) && [ -n "$files" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || { echo "processes of the node do not end" >&2; exit 70; }
    for file in $files; do
      pid=\${file#/proc/}
      kill -KILL "\${pid%%/*}" 2>/dev/null
    done
    sleep 0.05
  done
}
switch_on() {
  home=$base/$token session=''
  mkdir -p "$home/log" || exit 73
  (cd "$home" && install) || exit 73
  init_runs "$home" && return
  # What outlived the last time.
  kill_all
  (
    cd "$home"
    export HOME="$home" LOOM_HOME="$home" PATH="$home/bin:$PATH" LANG=C.UTF-8 ${TOKEN_VARIABLE}="$token"
    setsid "$home/bin/loom-init" </dev/null >>log/loom-init.log 2>&1 9>&- &
  )
  tries=0
  until init_runs "$home"; do
    tries=$((tries + 1))
    [ "$tries" -le 400 ] || { echo "loom-init does not start; $home/log/loom-init.log may say why" >&2; exit 70; }
    sleep 0.05
  done
}
switch_off() {
  home=$base/$token session=''
  if init_runs "$home"; then
    session=$pid
    kill -TERM "$pid"
    tries=0
    while init_runs "$home" && [ "$tries" -lt 150 ]; do
      tries=$((tries + 1))
      sleep 0.1
    done
  fi
  kill_all
}
give_back() {
  code=$?
  trap - EXIT
  switch_off
  rm -rf "\${base:?}/$token" && rm -f "$base/reserved"
  exit "$code"
}
tell() {
  echo "base $base"
  if held; then
    if [ -e "$base/$token_there/run/confirmed" ]; then echo "confirmed yes"; fi
    if init_runs "$base/$token_there"; then echo "running yes"; else echo "running no"; fi
    echo "reserved $token_there $rest"
  fi
}
main() {
  verb=$1 base=$2 token=$3 record=$4
  umask 022
  if [ -z "$base" ]; then
    if [ "$(id -u)" = 0 ]; then base=/var/lib/loom; else base=$HOME/.loom; fi
  fi
  for tool in flock setsid stat grep sed tail mkfifo mktemp; do
    command -v "$tool" >/dev/null || { echo "the host has no program $tool" >&2; exit 69; }
  done
  case $verb in
    look) ;;
    take)
      locked
      if held; then
        [ "$token_there" = "$token" ] || { tell; exit 0; }
      else
        # A host that cannot be used is not kept.
        trap give_back EXIT
        echo "$token $record" >"$base/.reserved" && mv -f "$base/.reserved" "$base/reserved" || exit 73
      fi
      switch_on
      trap - EXIT
      ;;
    on)
      [ -d "$base" ] || { tell; exit 0; }
      locked
      if held && [ "$token_there" = "$token" ]; then
        switch_on
        : >"$home/run/confirmed" || exit 73
      fi
      ;;
    release)
      [ -d "$base" ] || { tell; exit 0; }
      locked
      if [ -d "$base/$token" ]; then
        switch_off
        rm -rf "\${base:?}/$token" || exit 73
      fi
      if held && [ "$token_there" = "$token" ]; then rm -f "$base/reserved" || exit 73; fi
      tell
      if ! held; then
        rm -f "$base/lock"
        rmdir "$base" 2>/dev/null
      fi
      exit 0
      ;;
  esac
  tell
}
`;

/**
 * - `look`: who has the host.
 * - `take`: has it from now on and switches the node on, unless another one has it. Where that fails on a host that was
 *   free it is free again.
 * - `on`: switches the node on where the token has the host, which is confirmed from then on.
 * - `release`: ends everything of the token's node and gives the host back, where the token has it.
 */
export type HostVerb = "look" | "take" | "on" | "release";

/** For the standard input of `sh -s`. @param record of the reservation, words without line breaks */
export function hostScript(verb: HostVerb, base: string, token: string, record: string): string {
  const install = verb === "take" || verb === "on" ? `install() (\n${installScript(".")}\n)\n` : "";
  // In braces: where its end is cut off nothing runs.
  return `${SCRIPT}\n${install}{ main ${[verb, base, token, record].map(quoted).join(" ")}\n}\n`;
}

/** What a host says of itself. */
export interface HostState {
  /** Loom's folder. */
  readonly base: string;
  /** Undefined: it is free. */
  readonly reserved: Reservation | undefined;
}

export interface Reservation {
  readonly token: string;
  readonly clusterUid: string;
  readonly nodeNumber: number;
  readonly hostname: string;
  readonly running: boolean;
  /** Whether Loom has worked with the host as this node: no attempt whose answer was lost has left it behind. */
  readonly confirmed: boolean;
}

/** Undefined where the text is no answer of the script. */
export function readState(text: string): HostState | undefined {
  const lines = new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf(" ");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const base = lines.get("base");
  if (base === undefined || !base.startsWith("/")) return undefined;
  const words = lines.get("reserved")?.split(" ");
  if (words === undefined) return { base, reserved: undefined };
  const [token = "", clusterUid = "", number = "0", hostname = ""] = words;
  const reserved = { token, clusterUid, nodeNumber: Number(number) || 0, hostname };
  const says = (what: string): boolean => lines.get(what) === "yes";
  return { base, reserved: { ...reserved, running: says("running"), confirmed: says("confirmed") } };
}
