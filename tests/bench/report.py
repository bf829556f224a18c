"""The figures: printed as they come, one line each, and kept in a CSV."""
import csv
import dataclasses
import os
import platform
import time

COLUMNS = ("name", "value", "unit", "base", "against", "ratio", "target", "verdict")
BAD = ("MISSED", "FAILED")


@dataclasses.dataclass
class Figure:
    """value in unit; base, in the same unit, is what it is compared with: a floor, a peer, a whole.

    A speed is how many times as fast as its base (base over value), anything else is value over base.
    """
    name: str
    value: float
    unit: str
    base: float = None
    against: str = ""
    most: float = None
    least: float = None
    is_speed: bool = False
    is_count: bool = False  # does not depend on how fast the machine is: checked by a quick run, too
    is_time: bool = False  # an absolute time: a mark where it is missed, and no failure

    @property
    def ratio(self):
        if self.base is None:
            return None
        if self.is_speed:
            return self.base / self.value if self.value else 0.0
        return self.value / self.base if self.base else float(self.value > 0)

    @property
    def target(self):
        if self.most is not None and self.most == self.least:
            return f"= {self.most:g}"
        for sign, bound in (("<=", self.most), (">=", self.least)):
            if bound is not None:
                return f"{sign} {bound:g}" + ("" if self.base is not None else f" {self.unit}")
        return ""

    def is_reached(self):
        measured = self.value if self.base is None else self.ratio
        return ((self.most is None or measured <= self.most + 1e-9) and
                (self.least is None or measured >= self.least - 1e-9))

    def verdict(self, is_quick):
        if self.most is None and self.least is None:
            return "figure"
        if self.is_reached():
            return "ok"
        if is_quick and not self.is_count:
            return "small"
        return "slow" if self.is_time else "MISSED"


def number(value):
    if value is None:
        return "-"
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def machine():
    """What the figures were measured on, in one line."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    with open("/proc/meminfo", encoding="utf-8") as info:
        memory = int(info.readline().split()[1]) >> 20
    with open("/etc/os-release", encoding="utf-8") as release:
        system = next((x.partition("=")[2].strip().strip('"') for x in release if x.startswith("PRETTY_NAME=")), "")
    kernel = platform.release().partition("-")[0]
    return f"{os.cpu_count()} x {model}, {memory} GiB, {system}, Linux {kernel}"


class Report:
    """Prints to stdout, writes to a CSV after each figure, knows whether a target was missed."""

    def __init__(self, path, settings):
        self.path = path
        self.is_quick = settings.quick
        self.rows = []
        self.notes = [f"# {time.strftime('%Y-%m-%d', time.gmtime())}: {machine()}", f"# {settings}"]
        print(*self.notes, sep="\n")
        print(f"{'# name':<45} {'value':>10} {'unit':<9} {'floor or peer':>26} {'ratio':>8}  target", flush=True)

    def add(self, name, value, unit, base=None, against="", **how):
        figure = Figure(name, value, unit, base, against, **how)
        self._keep(figure.name, number(value), unit, "" if base is None else number(base), against,
                   "" if base is None else f"{figure.ratio:.3f}", figure.target, figure.verdict(self.is_quick))
        return figure

    def missing(self, name, reason):
        """A peer that cannot be had here."""
        self._keep(name, "", "", "", reason, "", "", "missing")

    def failed(self, name, reason):
        self._keep(name, "", "", "", reason, "", "", "FAILED")

    def _keep(self, *row):
        self.rows.append(dict(zip(COLUMNS, row)))
        name, value, unit, base, against, ratio, target, verdict = row
        if verdict in ("missing", "FAILED"):
            print(f"{name:<45} {verdict}: {against}", flush=True)
        else:
            other = f"{base} {against}".strip() or "-"
            mark = "" if verdict in ("ok", "figure") else f"  {verdict}"
            line = f"{name:<45} {value:>10} {unit:<9} {other:>26} {ratio or '-':>8}  {target}{mark}"
            print(line.rstrip(), flush=True)
        self._write()

    def _write(self):
        with open(self.path, "w", newline="", encoding="utf-8") as file:
            file.writelines(f"{note}\n" for note in self.notes)
            out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            out.writeheader()
            out.writerows(self.rows)

    def bad(self):
        return [row["name"] for row in self.rows if row["verdict"] in BAD]


def read(path):
    """The notes and the rows of a CSV of figures."""
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    notes = [line[1:].strip() for line in lines if line.startswith("#")]
    return notes, list(csv.DictReader(line for line in lines if not line.startswith("#")))
