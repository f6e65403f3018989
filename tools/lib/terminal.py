"""A command on a terminal of its own, as a person runs it: output as it comes, keys, the time of everything."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

# Colours, cursor moves and titles that a terminal takes out of what people read.
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """Starts the command. `echo` copies what it prints to our own standard output."""

    def __init__(self, argv, columns=100, rows=30, env=None, cwd=None, echo=False):
        self.events = []  # (seconds since the start, bytes)
        self.echo = echo
        self.status = None  # exit code, or minus the number of the signal that ended it
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Whoever started us may have had these ignored; on a terminal they work.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            if cwd:
                os.chdir(cwd)
            os.execvpe(argv[0], argv, {**os.environ, **(env or {}), "TERM": "xterm-256color"})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def text(self):
        """All that was printed, without escapes."""
        return ESCAPES.sub(b"", b"".join(data for _, data in self.events)).decode("utf8", "replace")

    def pump(self, seconds):
        """Reads what comes within so many seconds, at most one piece. False once the command has ended."""
        if self.status is not None:
            return False
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self.fd)
            return False
        self.events.append((time.monotonic() - self.started, data))
        if self.echo:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return True

    def wait_for(self, pattern, seconds):
        """The match of the pattern in the text, None where the command ended or the time ran out first."""
        deadline = time.monotonic() + seconds
        seen = -1
        while True:
            if len(self.events) != seen:
                seen = len(self.events)
                found = re.search(pattern, self.text(), re.MULTILINE)
                if found:
                    return found
            if time.monotonic() > deadline or not self.pump(0.2):
                return None

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def wait(self, seconds):
        """The exit status, None where the command still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.pump(0.2) and time.monotonic() < deadline:
            pass
        return self.status

    def kill(self):
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(10)
