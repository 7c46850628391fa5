"""Distributions as curves: which share of all took longer than x, both axes logarithmic."""

import html
import itertools
import math

WIDTH, HEIGHT = 600, 380  # of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 100, 30, 34, 44  # around the curves
COLUMNS = 2
# Okabe and Ito's, which all eyes tell apart, and grey.
COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#b5a800", "#888888")
MARKS = ((50e3, "50 µs"), (2e6, "2 ms"))
STYLE = 'font-size="12" font-family="sans-serif"'


def write_curves(path, panels):
    """panels: title -> line -> {ns: how often}."""
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    shapes = []
    for number, (title, lines) in enumerate(panels.items()):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
        shapes += [f'<g transform="translate({x} {y})">', *panel(title, lines, Axes(panels)), "</g>"]
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {STYLE}>'
        '<rect width="100%" height="100%" fill="white"/>' + "\n".join(shapes) + "</svg>\n",
        encoding="utf-8",
    )


class Axes:
    """The same for all panels, so that they compare: whole decades."""

    def __init__(self, panels):
        lines = [counts for lines in panels.values() for counts in lines.values() if counts]
        self.first, self.last = 1, max(5, math.ceil(math.log10(max(max(counts) for counts in lines) or 1)))
        self.rarest = math.ceil(math.log10(max(sum(counts.values()) for counts in lines)))

    def x(self, ns):
        part = (math.log10(max(ns, 10**self.first)) - self.first) / (self.last - self.first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, share):
        return TOP - math.log10(share) / self.rarest * (HEIGHT - TOP - BOTTOM)


def panel(title, lines, axes):
    shapes = [f'<text x="{LEFT}" y="20" font-weight="bold" font-size="14">{html.escape(title)}</text>']
    shapes += grid(axes)
    for colour, (name, counts) in zip(itertools.cycle(COLOURS), lines.items()):
        shapes.append(f'<polyline points="{curve(counts, axes)}" fill="none" stroke="{colour}" '
                      'stroke-width="1.6" stroke-linejoin="round"/>')
    return shapes + legend(lines)


def grid(axes):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    shapes = []
    for decade in range(axes.first, axes.last + 1):
        x = axes.x(10**decade)
        shapes.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#ddd"/>'
                      f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{duration(decade)}</text>')
    for decade in range(axes.rarest + 1):
        y = axes.y(10**-decade)
        words = f"1 in {10**decade:,}" if decade else "all"
        shapes.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                      f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    for ns, words in MARKS:
        if ns < 10**axes.last:
            x = axes.x(ns)
            shapes.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#b33" '
                          'stroke-dasharray="4 4"/>'
                          f'<text x="{x - 3:.1f}" y="{bottom - 5}" fill="#b33" text-anchor="end" '
                          f'font-size="11">{words}</text>')
    middle = (LEFT + right) / 2
    shapes.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">'
                  "callbacks that took at least so long</text>")
    return shapes


def duration(decade):
    unit = ("ns", "µs", "ms", "s")[decade // 3]
    return f"{10**(decade % 3)} {unit}"


def curve(counts, axes):
    """Steps: at each duration the share of those that took so long or longer."""
    total = left = sum(counts.values())
    points = []
    for ns in sorted(counts):
        y = axes.y(left / total)
        points += [f"{axes.x(ns):.1f},{y:.1f}"]
        left -= counts[ns]
        if left > 0:
            points += [f"{axes.x(ns):.1f},{axes.y(left / total):.1f}"]
    return " ".join(points)


def legend(lines):
    """Top right, where no curve comes by."""
    longest = max(len(name) for name in lines)
    x, y = WIDTH - RIGHT - 40 - 6.6 * longest, TOP + 8
    shapes = [f'<rect x="{x - 8:.1f}" y="{y - 4}" width="{44 + 6.6 * longest:.1f}" '
              f'height="{18 * len(lines) + 8}" fill="white" stroke="#ddd"/>']
    for number, (colour, name) in enumerate(zip(itertools.cycle(COLOURS), lines)):
        middle = y + 18 * number + 9
        shapes.append(f'<line x1="{x:.1f}" x2="{x + 22:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
                      'stroke-width="3"/>'
                      f'<text x="{x + 28:.1f}" y="{middle + 4}">{html.escape(name)}</text>')
    return shapes
