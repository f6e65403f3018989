"""Draws what a terminal showed over time as one SVG that plays by itself, and stands still for who asks for that."""
from html import escape

CHAR, LINE, PAD, BAR = 8.4, 18, 14, 30  # pixels at 14 px monospace
COLOURS = ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3"] * 2
HOLD = 5  # seconds that the last frame stays


def run(text, style, column):
    colour, bold, dim = style
    look = "".join(
        [
            f' fill="{COLOURS[colour]}"' if colour is not None else "",
            ' font-weight="bold"' if bold else "",
            ' opacity=".65"' if dim else "",
        ]
    )
    # Spaces inside that no renderer takes away.
    return f'<tspan x="{column * CHAR:.1f}"{look}>{escape(text).replace(" ", chr(160))}</tspan>'


def row(runs):
    spans, column = [], 0
    for text, style in runs:
        if text.strip():
            start = column + len(text) - len(text.lstrip())
            spans.append(run(text.strip(), style, start))
        column += len(text)
    return "".join(spans)


def draw(frames, columns, rows, title):
    """`frames` are (second, rows of the screen), in order; the last one is what stands still."""
    width, height = columns * CHAR + 2 * PAD, rows * LINE + BAR + PAD
    names = {}  # each distinct row is drawn once and used by many frames
    groups = []
    total = frames[-1][0] + HOLD
    steps = []
    for index, (at, lines) in enumerate(frames):
        uses = []
        for number, runs in enumerate(lines):
            drawn = row(runs)
            if drawn:
                name = names.setdefault(drawn, f"r{len(names)}")
                uses.append(f'<use href="#{name}" y="{(number + 1) * LINE - 4}"/>')
        groups.append(f'<g transform="translate({index * width:.1f})">{"".join(uses)}</g>')
        steps.append(f"{100 * at / total:.3f}%{{transform:translateX({-index * width:.1f}px)}}")
    last = (len(frames) - 1) * width
    rows_drawn = "".join(f'<text id="{name}">{drawn}</text>' for drawn, name in names.items())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{escape(title)}">
<style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#e6edf3}}
.film{{transform:translateX({-last:.1f}px);animation:film {total:.1f}s steps(1,end) infinite}}
@keyframes film{{{"".join(steps)}to{{transform:translateX({-last:.1f}px)}}}}
@media (prefers-reduced-motion:reduce){{.film{{animation:none}}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#484f58"><circle cx="20" cy="16" r="5"/><circle cx="38" cy="16" r="5"/><circle cx="56" cy="16" r="5"/></g>
<text x="50%" y="20" text-anchor="middle" opacity=".6">{escape(title)}</text>
<defs>{rows_drawn}</defs>
<svg x="{PAD}" y="{BAR}" width="{columns * CHAR:.1f}" height="{rows * LINE}" overflow="hidden">
<g class="film">{"".join(groups)}</g></svg>
</svg>
"""
