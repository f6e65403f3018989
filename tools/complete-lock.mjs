// Adds to package-lock.json the optional packages of other platforms that npm left out.
//
// A registry mirror that carries only this platform's binaries makes `npm install` drop the others from the
// lock file without a word, and `npm ci` then refuses it. The versions are exact in their parents' lists, so the
// entries can be written without asking anybody; npm skips them where `os` and `cpu` do not match.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const systems = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "openharmony",
  "win32",
  "windows",
  "aix",
  "netbsd",
  "openbsd",
  "sunos",
];
const processors = [
  "arm64",
  "aarch64",
  "x64",
  "ia32",
  "arm",
  "armv7",
  "armv6",
  "riscv64",
  "ppc64",
  "ppc64le",
  "s390x",
  "loong64",
  "mips64el",
];
const canonical = { windows: "win32", aarch64: "arm64", armv7: "arm", armv6: "arm", ppc64le: "ppc64" };

const pick = (words, name) =>
  words.filter((word) => name.split(/[-/@]/).includes(word)).map((word) => canonical[word] ?? word);

for (const entry of Object.values({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] !== undefined || !/^\d/.test(version)) continue;
    const os = pick(systems, name);
    // A name without a known system must never be installed here by accident: nobody checked its contents.
    lock.packages[path] = {
      version,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      os: os.length > 0 ? os : ["none"],
      ...(pick(processors, name).length > 0 ? { cpu: pick(processors, name) } : {}),
    };
    console.log(`added ${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
