"""kvfs beside what a user would use instead, on the same local vault, in the same run."""
import csv
import functools
import re

import harness
import peers
from bench import HERE, MANY_BLOB, PYTHON

THREADS = 32
SERIAL_SAMPLE = 10  # times the sample of what is slowest
JUDGED_AT = (75, 400)  # ms and requests a second: the targets are those of this distance and pace
CURVE_COLUMNS = ("who", "objects", "latency_ms", "objects_per_s")
CURVE_OBJECTS = (50, 200, 1000, 2000, 5000)
CURVE_LATENCIES = (5, 25, 75, 150, 250)


def compare(bench, name, measure, least=None, cpu=None):
    """How many times as fast kvfs is as a peer, by a function that gives both costs; or why that cannot be told here."""
    try:
        mine, peer = measure()
    except peers.Missing as reason:
        bench.report.missing(name, str(reason))
        return
    is_judged = (bench.settings.latency, bench.settings.rate) == JUDGED_AT
    bench.report.add(name, 1000 * mine.seconds, "ms/object", 1000 * peer.seconds, "ms",
                     least=least if is_judged else None, is_speed=True)
    if cpu:
        bench.report.add(f"{name}/cpu", 1000 * mine.cpu_s, "ms/object", 1000 * peer.cpu_s, "ms",
                         most=cpu if is_judged else None)


def whole(bench):
    """kvfs and the SDK in turns, because CPU time differs from minute to minute on a machine that is shared."""
    s, mine, sdk = bench.settings, [], []
    for _ in range(s.repeat):
        with bench.vault(bench.mixed(s.objects), limit="none") as vault:
            sdk.append(peers.sdk(bench, vault, THREADS))
        with bench.vault(bench.mixed(s.objects)) as vault:
            mine.append(peers.kvfs(bench, vault, s.objects))
    return peers.mean(mine), peers.mean(sdk)


def beside(bench):
    """The table's rows of the SDK, az and rclone. Nothing throttles the peers, which do not pace themselves."""
    s = bench.settings
    compare(bench, f"peers/sdk-{THREADS}-threads", lambda: whole(bench), 2, 1 / 5)
    # These are given the names; so kvfs has its listing, too.
    with bench.vault(bench.secrets(s.objects)) as vault:
        at_rate = peers.kvfs_listed(bench, vault, s.objects, s.rate)
    with bench.vault(bench.secrets(s.objects)) as vault:
        at_burst_rate = peers.kvfs_listed(bench, vault, s.objects, bench.burst_rate())
        throttled = vault.stats()["throttled"]
    with bench.vault(bench.secrets(s.objects), limit="none") as vault:
        compare(bench, "peers/sdk-serial",
                lambda: (at_rate, peers.sdk(bench, vault, 1, SERIAL_SAMPLE * s.sample)))
        az = functools.cache(lambda: peers.az(bench, vault, s.sample))
        compare(bench, "peers/az", lambda: (at_burst_rate, az()), 300)
        bench.report.add("peers/az/429", throttled, "answers", s.objects, "requests", most=0, is_count=True)
        compare(bench, "peers/az/at-rate", lambda: (at_rate, az()))
    compare(bench, "peers/rclone-mount",
            lambda: (at_rate, peers.rclone(bench, s.latency, s.objects, SERIAL_SAMPLE * s.sample, MANY_BLOB)), 25)


def point(bench, who, objects, latency):
    """Seconds for an object."""
    sample = min(objects, SERIAL_SAMPLE * bench.settings.sample // 2)
    if who == "rclone mount":
        return peers.rclone(bench, latency, objects, sample, MANY_BLOB).seconds
    limit = bench.settings.limit if who == "kvfs" else "none"
    with bench.vault(bench.mixed(objects), latency=latency, limit=limit) as vault:
        if who == "kvfs":
            return peers.kvfs(bench, vault, objects).seconds
        if who == "az":
            return peers.az(bench, vault, max(2, bench.settings.sample // 5)).seconds
        threads = THREADS if who.endswith("threads") else 1
        return peers.sdk(bench, vault, threads, sample if threads == 1 else 0).seconds


def curve(bench, who, points, out):
    for objects, latency in points:
        speed = 1 / point(bench, who, objects, latency)
        out.writerow((who, objects, latency, f"{speed:.2f}"))
        name = re.sub(r"\W+", "-", who)
        bench.report.add(f"curves/{name}/{objects}/{latency}ms", speed, "objects/s")


def curves(bench):
    """The points of the plots, and the plots."""
    s = bench.settings
    points = [(n, s.latency) for n in CURVE_OBJECTS if n <= 3 * s.objects]
    points += [(s.objects // 2, latency) for latency in CURVE_LATENCIES if latency <= 4 * s.latency]
    path = bench.build / "curves.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(CURVE_COLUMNS)
        for who in ("kvfs", f"SDK, {THREADS} threads", "SDK, serial", "az", "rclone mount"):
            try:
                curve(bench, who, points, out)
            except peers.Missing as reason:
                bench.report.missing(f"curves/{who}", str(reason))
    harness.ok(PYTHON, HERE / "plot.py", path, bench.build / "plots")


FIGURES = {"peers": beside, "curves": curves}
