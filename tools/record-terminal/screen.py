"""What a terminal shows: enough of a VT100 for command lines that redraw a few lines in place."""
import re

# A control sequence, another escape, or one character.
TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\s\S]")
PLAIN = (None, False, False)  # colour 0 to 15 or None, bold, dim


class Screen:
    """Cells are (character, style); a style is (colour, bold, dim)."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [[]]
        self.row = self.column = 0
        self.style = PLAIN

    def feed(self, text):
        for token in TOKEN.finditer(text):
            if token.group(2):
                self.control(token.group(1), token.group(2))
            else:
                self.put(token.group(0))

    def put(self, char):
        if char == "\n":
            self.move(self.row + 1)
        elif char == "\r":
            self.column = 0
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t":
            self.column += 8 - self.column % 8
        elif char >= " " and char[0] != "\x1b":
            if self.column >= self.columns:
                self.column = 0
                self.move(self.row + 1)
            line = self.lines[self.row]
            line.extend([(" ", PLAIN)] * (self.column + 1 - len(line)))
            line[self.column] = (char, self.style)
            self.column += 1

    def move(self, row):
        """To a row; the screen scrolls where it is below the last one."""
        self.row = max(0, row)
        while self.row >= len(self.lines):
            self.lines.append([])
        if len(self.lines) > self.rows:
            gone = len(self.lines) - self.rows
            del self.lines[:gone]
            self.row = max(0, self.row - gone)

    def control(self, arguments, letter):
        numbers = [int(part) if part.isdigit() else 0 for part in arguments.split(";")]
        first = max(1, numbers[0])
        line = self.lines[self.row]
        if letter in "AF":
            self.move(self.row - first)
        elif letter in "BE":
            self.move(min(self.row + first, self.rows - 1))
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + first)
        elif letter == "D":
            self.column = max(0, self.column - first)
        elif letter == "G":
            self.column = first - 1
        elif letter == "H":
            self.move(min(first, self.rows) - 1)
            self.column = max(1, numbers[1] if len(numbers) > 1 else 1) - 1
        elif letter == "K":
            self.lines[self.row] = [] if numbers[0] == 2 else line[: self.column]
        elif letter == "J":
            if numbers[0] >= 2:
                self.lines, self.row = [[] for _ in range(self.row + 1)], self.row
            else:
                self.lines[self.row] = line[: self.column]
                del self.lines[self.row + 1 :]
        elif letter == "m":
            self.paint(numbers)
        if letter in "EF":
            self.column = 0

    def paint(self, numbers):
        colour, bold, dim = self.style
        skip = 0
        for index, number in enumerate(numbers):
            if skip:
                skip -= 1
            elif number == 0:
                colour, bold, dim = PLAIN
            elif number == 1:
                bold = True
            elif number == 2:
                dim = True
            elif number == 22:
                bold = dim = False
            elif 30 <= number <= 37 or 90 <= number <= 97:
                colour = number - 30 if number < 90 else number - 82
            elif number == 39:
                colour = None
            elif number in (38, 48):
                skip = 2 if numbers[index + 1 : index + 2] == [5] else 4
                if number == 38 and skip == 2 and numbers[index + 2] < 16:
                    colour = numbers[index + 2]
        self.style = (colour, bold, dim)

    def shown(self):
        """The rows as tuples of (text, style) runs."""
        rows = []
        for line in self.lines:
            runs = []
            for char, style in line:
                if runs and runs[-1][1] == style:
                    runs[-1] = (runs[-1][0] + char, style)
                else:
                    runs.append((char, style))
            rows.append(tuple(runs))
        return tuple(rows)
