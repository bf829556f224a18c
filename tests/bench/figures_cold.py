"""Archives of a vault that nothing is known of, by tools that read one file at a time."""
import dataclasses
import statistics

import proxy
from bench import MANY_BLOB, TOOLS, asked, backups, cpu_s, list_all, resident_mb, served
from figures_listing import ls_l

CACHE_MB = 64  # kvfs's default


@dataclasses.dataclass
class Archive:
    """What one archive took: seconds, and the vault's counters of it."""
    seconds: float
    backups: int
    requests: int
    throttled: int
    pages: int
    cpu_s: float
    resident_mb: float


def archive(bench, mount, vault, tool, objects, **how):
    vault.reset()
    cpu = cpu_s(mount.process.pid)
    seconds = bench.archive(mount, tool, objects, **how)
    stats = vault.stats(vault.name)
    return Archive(seconds, backups(vault), asked(stats), stats["throttled"], served(vault, "list"),
                   cpu_s(mount.process.pid) - cpu, resident_mb(mount.process.pid))


def from_listing(bench, tool, objects, latency=None):
    """An archive from a complete listing on, in a new vault."""
    with bench.vault(bench.secrets(objects), latency=latency) as vault, bench.mount(vault, bench.rate()) as mount:
        list_all(mount)
        return archive(bench, mount, vault, tool, objects)


def report_counts(bench, name, runs, objects):
    """One backup request an object, and none too many for the vault, unless kvfs was told more than it allows."""
    report, s = bench.report, bench.settings
    report.add(f"{name}/backups", max(x.backups for x in runs), "requests", objects, "objects",
               most=1, least=1, is_count=True)
    report.add(f"{name}/429", sum(x.throttled for x in runs), "answers", sum(x.requests for x in runs), "requests",
               most=0 if s.rate <= s.limit / 10 else None, is_count=True)


def from_listing_figures(bench, name, latency, most, repeat):
    objects = bench.settings.objects
    for tool in TOOLS:
        runs = [from_listing(bench, tool, objects, latency) for _ in range(repeat)]
        bench.report.add(f"{name}/{tool}", statistics.median(x.seconds for x in runs), "s",
                         bench.floor(objects, latency=latency), "floor", most=most)
        report_counts(bench, f"{name}/{tool}", runs, objects)


def cold(bench):
    """The table's first row."""
    from_listing_figures(bench, "cold", bench.settings.latency, 1.10, bench.settings.repeat)


def latencies(bench):
    """The same nearer and farther."""
    for latency in bench.settings.latencies:
        from_listing_figures(bench, f"cold{latency}ms", latency, 1.15, 1)


def whole(bench):
    """With the listing cold, too: rsync fetches while it lists, cp and tar read all names first."""
    objects, latency = bench.settings.objects, bench.settings.latency
    for tool in TOOLS:
        with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, bench.rate()) as mount:
            run = archive(bench, mount, vault, tool, objects)
        listing, fetching = run.pages * latency / 1000, bench.floor(objects)
        floor, what = (max(listing, fetching), "longer") if tool == "rsync" else (listing + fetching, "sum")
        bench.report.add(f"whole/{tool}", run.seconds, "s", floor, f"{what} of both", most=1.15)
        report_counts(bench, f"whole/{tool}", [run], objects)


def report_many(bench, name, run):
    objects, latency = bench.settings.many, bench.settings.latency
    floor = max(run.pages * latency / 1000, bench.floor(objects))
    bench.report.add(f"{name}/rsync", run.seconds, "s", floor, "longer of both", most=1.15)
    report_counts(bench, f"{name}/rsync", [run], objects)
    bench.report.add(f"{name}/rsync/cpu", 1000 * run.cpu_s / objects, "ms/object")
    bench.report.add(f"{name}/rsync/resident", run.resident_mb, "MB", bench.resident_mb(objects) + CACHE_MB,
                     "with cache", most=1, is_count=True)


def many(bench):
    """More than the cache holds, in one directory that nobody has listed."""
    objects = bench.settings.many
    with bench.vault(bench.secrets(objects, MANY_BLOB)) as vault, bench.mount(vault, bench.rate()) as mount:
        run = archive(bench, mount, vault, "rsync", objects, seconds=1800)
        report_many(bench, "many", run)
        ls_l(bench, "warm/ls-l", mount, objects, most=1)


def http2(bench):
    """The same through a proxy that speaks HTTP/2, as the service does."""
    objects = bench.settings.many
    with bench.vault(bench.secrets(objects, MANY_BLOB)) as vault, proxy.http2(bench, vault) as front:
        with bench.mount(vault, bench.rate(), url=front.url) as mount:
            run = archive(bench, mount, vault, "rsync", objects, seconds=1800)
        report_many(bench, "http2", run)
        bench.report.add("http2/connections", front.connections(), "connections", most=2, is_count=True)


FIGURES = {"cold": cold, "latency": latencies, "whole": whole, "many": many, "http2": http2}
