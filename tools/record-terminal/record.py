#!/usr/bin/env python3
"""Records commands on a terminal as an SVG that plays in a README.

    record.py [--columns N] [--rows N] [--title TEXT] OUT.svg COMMAND...

Each command is shown as typed at a prompt, then really run. `COMMAND => PATTERN` goes on to the next command as soon as
the pattern is printed, leaves the command running and ends it with Ctrl-C, unseen, after the last one. Waiting is
shortened: nothing stands still for more than a second.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from screen import Screen  # noqa: E402
from svg import draw  # noqa: E402
from terminal import Terminal  # noqa: E402

PROMPT = "\x1b[1;32m$\x1b[0m "
KEY, READ, LONGEST = 0.05, 1.5, 1.0  # seconds: a key typed, a result looked at, the longest wait that is shown
FRAME = 0.1  # what comes closer together is one frame
AGAIN = 5  # seconds between two Ctrl-C
PATIENCE = 900  # seconds until a command that says nothing of what it should is given up


def perform(commands, columns, rows):
    """Runs the commands; (second, text) of everything that the terminal was sent."""
    played, clock, kept = [], 0.0, []
    for spec in commands:
        command, _, pattern = (part.strip() for part in spec.partition("=>"))
        played.append((clock, PROMPT))
        for char in command:
            clock += KEY
            played.append((clock, char))
        clock += 0.4
        played.append((clock, "\r\n"))
        terminal = Terminal(["sh", "-c", f"exec {command}"], columns, rows)
        if pattern:
            if terminal.wait_for(pattern, PATIENCE) is None:
                sys.exit(f"record: {command} never printed {pattern}:\n{terminal.text()}")
            kept.append(terminal)
        elif terminal.wait(PATIENCE) is None:
            terminal.kill()
            sys.exit(f"record: {command} did not end:\n{terminal.text()}")
        before, rest = 0.0, b""
        for at, data in list(terminal.events):
            clock += min(at - before, LONGEST)
            before = at
            # A piece may end in the middle of a character.
            text = (rest + data).decode("utf8", "ignore")
            rest = (rest + data)[len(text.encode("utf8")) :]
            played.append((clock, text))
        clock += READ
        if pattern:
            played.append((clock, "\r\n"))
    for terminal in kept:
        end(terminal)
    return played


def end(terminal):
    """Presses Ctrl-C, and again: dash loses one that comes while it starts a program."""
    for _ in range(12):
        terminal.press("\x03")
        if terminal.wait(AGAIN) is not None:
            return
    terminal.kill()


def film(played, columns, rows):
    screen, frames = Screen(columns, rows), []
    for at, text in played:
        screen.feed(text)
        shown = screen.shown()
        if frames and at - frames[-1][0] < FRAME:
            frames[-1] = (frames[-1][0], shown)
        elif not frames or frames[-1][1] != shown:
            frames.append((at, shown))
    return frames


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--columns", type=int, default=96)
parser.add_argument("--rows", type=int, default=28)
parser.add_argument("--title", default="loom")
parser.add_argument("out")
parser.add_argument("commands", nargs="+", metavar="COMMAND")
options = parser.parse_args()
frames = film(perform(options.commands, options.columns, options.rows), options.columns, options.rows)
with open(options.out, "w", encoding="utf8") as file:
    file.write(draw(frames, options.columns, options.rows, options.title))
print(f"record: {options.out}, {len(frames)} frames, {os.path.getsize(options.out) // 1024} kB")
