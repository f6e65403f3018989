#!/usr/bin/env python3
"""Runs one of the README's commands inside the bare container and checks what it promises.

    inside.py run    make run, twice, on a terminal, each ended with Ctrl-C
    inside.py test   make test
"""
import os
import re
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from terminal import Terminal  # noqa: E402

FIRST_START = 900  # seconds; npm packages come over the network
NEXT_START = 180
STOP = 60


def fail(message):
    sys.exit(f"\nfresh-check: {message}")


def check(good, message):
    if not good:
        fail(message)
    print(f"fresh-check: {message}: yes", flush=True)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode("utf8", "replace")


def loom(*words):
    done = subprocess.run(["bin/loom", *words], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        fail(f"bin/loom {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def start(seconds):
    """Starts `make run` and returns its terminal and the farm's address."""
    began = time.monotonic()
    terminal = Terminal(["make", "run"], echo=True)
    farm = terminal.wait_for(r"^.*farm: (http://\S+)", seconds)
    if farm is None:
        terminal.kill()
        fail(f"make run showed no line `farm: URL` within {seconds} s, or ended with {terminal.status}")
    print(f"\nfresh-check: the farm is there after {time.monotonic() - began:.0f} s", flush=True)
    return terminal, farm.group(1)


def stop(terminal):
    terminal.press("\x03")
    status = terminal.wait(STOP)
    check(status is not None, f"Ctrl-C ends make run within {STOP} s")
    # make ends by the signal itself, or with what Loom ended with.
    check(status in (0, -2, 130), f"it ends as a command that was asked to (status {status})")
    check("node:internal" not in terminal.text(), "it ends without a stack trace")


def processes():
    """Command lines of what runs besides the container's own processes and us."""
    lines = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                lines[int(pid)] = file.read().replace(b"\0", b" ").decode("utf8", "replace").strip()
        except OSError:
            continue
    return [line for pid, line in lines.items() if line and pid not in (1, os.getpid()) and "sleep infinity" not in line]


def run():
    terminal, url = start(FIRST_START)
    status, page = fetch(url)
    check(status == 200 and page.strip() != "", f"the farm answers at {url}")
    clusters = loom("list", "-o", "name")
    check("hello" in clusters, "bin/loom works at once and lists the cluster")
    check("local" in terminal.text(), "make run says that it uses provider local")
    stop(terminal)
    check(fetch(url)[0] == 200, "the farm keeps answering while Loom is stopped")
    check(not any(re.search(r"\bpostgres\b", line) for line in processes()), "no database is left running")

    terminal, again = start(NEXT_START)
    check(again == url, "the second make run finds the same farm")
    check(loom("list", "-o", "name") == clusters, "the second make run finds the same clusters")
    check(fetch(url)[0] == 200, "the farm answers")
    loom("delete", "hello", "--yes", "--wait")
    stop(terminal)
    left = processes()
    check(left == [], f"nothing is left running after delete {left}")


def test():
    """`make test`, whose last line on standard output is the sums."""
    make = subprocess.Popen(["make", "test"], stdout=subprocess.PIPE, text=True)
    last = ""
    for line in make.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    make.wait()
    check(re.fullmatch(r"\d+ passed, 0 failed(, \d+ skipped)?", last) is not None, f"make test ends with no failure ({last})")
    check(make.returncode == 0, f"make test ends with 0 ({make.returncode})")


{"run": run, "test": test}[sys.argv[1]]()
