"""The two plots of docs/performance.md, from the points of figures_peers.curves: plot.py CURVES.csv FOLDER."""
import csv
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

# The same picture from the same points, to the byte; text stays text.
matplotlib.rcParams.update({"svg.hashsalt": "kvfs", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                            "axes.spines.right": False, "font.family": "sans-serif"})
STYLES = {
    "kvfs": ("#0b6e4f", "o", 2.4),
    "SDK, 32 threads": ("#c1666b", "s", 1.4),
    "SDK, serial": ("#d4a373", "D", 1.4),
    "rclone mount": ("#4a6fa5", "^", 1.4),
    "az": ("#7d7d7d", "v", 1.4),
}


def read(path):
    """who -> (objects, latency in ms, objects a second) of each point."""
    points = {}
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            points.setdefault(row["who"], []).append(
                (int(row["objects"]), int(row["latency_ms"]), float(row["objects_per_s"])))
    return points


def most_frequent(values):
    values = list(values)
    return max(sorted(set(values)), key=values.count)


def draw(points, along, label, fixed, path):
    """Throughput along column 0 (objects) or 1 (latency), where the other column is as fixed says."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for who, (colour, marker, width) in STYLES.items():
        line = sorted({p[along]: p[2] for p in points.get(who, ()) if p[1 - along] == fixed}.items())
        if line:
            axes.plot(*zip(*line), color=colour, marker=marker, markersize=4, linewidth=width, label=who)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="objects a second")
    ticks = sorted({p[along] for line in points.values() for p in line if p[1 - along] == fixed})
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main(source, folder):
    points = read(source)
    # The latency at which the number of objects was varied, and the other way round, are the most frequent ones.
    every = [p for line in points.values() for p in line]
    latency, objects = most_frequent(p[1] for p in every), most_frequent(p[0] for p in every)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    draw(points, 0, f"objects in the vault ({latency} ms a round trip)", latency, folder / "objects.svg")
    draw(points, 1, f"milliseconds a round trip ({objects} objects)", objects, folder / "latency.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
