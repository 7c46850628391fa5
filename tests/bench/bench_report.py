"""Medians with their spread, as a Markdown table, CSV and SVG."""

import collections
import csv
import html
import statistics

from bench_plot import write_curves

BAR = 18  # height of a bar with its distance from the next, pixels


class Results:
    """Values by (part, case, measure), in the order in which they were met."""

    def __init__(self):
        self.values = {}
        self.grids = {}  # (part, case, unit) -> row -> measure -> values
        self.curves = {}  # panel -> line -> duration in ns -> how often
        self.notes = {}

    def note(self, part, text):
        """A block of Markdown below a part's figures: what they are, or what they are not."""
        self.notes.setdefault(part, []).append(text)

    def add(self, part, case, measure, unit, value):
        self.values.setdefault((part, case, measure, unit), []).append(value)

    def add_to_grid(self, part, case, row, measure, unit, value):
        """A table of its own for each case: a line a row, a column a measure, medians in it."""
        rows = self.grids.setdefault((part, case, unit), {})
        rows.setdefault(row, {}).setdefault(measure, []).append(value)

    def add_to_curve(self, panel, line, bins):
        """Part of a distribution: (duration in ns, how often)."""
        counts = self.curves.setdefault(panel, {}).setdefault(line, collections.Counter())
        for ns, count in bins:
            counts[ns] += count

    def median(self, part, case, measure):
        for (a_part, a_case, a_measure, _), values in self.values.items():
            if (a_part, a_case, a_measure) == (part, case, measure):
                return statistics.median(values)
        return None

    def parts(self):
        return list(dict.fromkeys([part for part, *_ in self.values] + list(self.notes)))

    def markdown(self):
        lines = []
        for part in self.parts():
            lines += ["", f"## {part}", "", "| case | measure | median | least | most | runs |",
                      "|---|---|---|---|---|---|"]
            for (a_part, case, measure, unit), values in self.values.items():
                if a_part == part:
                    lines.append(f"| {case} | {measure}, {unit} | {figure(statistics.median(values))} | "
                                 f"{figure(min(values))} | {figure(max(values))} | {len(values)} |")
            for text in self.notes.get(part, []):
                lines += ["", text]
        return "\n".join(lines + self.grid_tables()) + "\n"

    def grid_tables(self):
        lines = []
        for (part, case, unit), rows in self.grids.items():
            measures = list(next(iter(rows.values())))
            lines += ["", f"## {part}: {case}", "", f"Medians of the runs, {unit}.", "",
                      f"| | {' | '.join(measures)} |", "|---" * (len(measures) + 1) + "|"]
            lines += [f"| {row} | {' | '.join(figure(statistics.median(v)) for v in cells.values())} |"
                      for row, cells in rows.items()]
        return lines

    def write_csv(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["part", "case", "measure", "unit", "run", "value"])
            for key, values in self.values.items():
                for run, value in enumerate(values, 1):
                    writer.writerow([*key, run, value])
            for (part, case, unit), rows in self.grids.items():
                for row, cells in rows.items():
                    for measure, values in cells.items():
                        for run, value in enumerate(values, 1):
                            writer.writerow([part, f"{case}: {row}", measure, unit, run, value])

    def write_curves(self, path):
        """Whatever has distributions; no file when nothing has."""
        if self.curves:
            write_curves(path, self.curves)

    def write_svg(self, path):
        """One bar a median, with its least and most as a line, a panel for each part and measure."""
        panels = {}
        for (part, case, measure, unit), values in self.values.items():
            if unit == "callbacks":  # rare events: the table shows them
                continue
            panels.setdefault((part, f"{measure}, {unit}"), []).append((case, values))
        label, width, y, shapes = 330, 900, 10, []
        for (part, title), cases in panels.items():
            most = max(max(values) for _, values in cases) or 1
            scale = (width - label - 90) / most
            shapes.append(f'<text x="10" y="{y + 14}" font-weight="bold">'
                          f"{html.escape(part)}: {html.escape(title)}</text>")
            y += 24
            for case, values in cases:
                shapes += bar_of(case, values, label, y, scale)
                y += BAR
            y += 14
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-size="12" '
            'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>'
            + "".join(shapes) + "</svg>\n",
            encoding="utf-8",
        )


def bar_of(case, values, left, y, scale):
    median, middle = statistics.median(values), y + BAR / 2
    least, most = left + min(values) * scale, left + max(values) * scale
    return [
        f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{html.escape(case)}</text>',
        f'<rect x="{left}" y="{y + 2}" width="{median * scale:.1f}" height="{BAR - 5}" fill="#4a7ba6"/>',
        f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}" stroke="#222"/>',
        f'<text x="{most + 6:.1f}" y="{y + 13}">{figure(median)}</text>',
    ]


def figure(value):
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
