"""Names, and looks at files that fetch nothing."""
import statistics

import harness
from bench import PYTHON, backups, fuse_requests, list_all, percentile, resident_mb, served

WARM_LS_S = 0.3
PER_REQUEST = 30
HANGING = 64
STAT_MS = 10
LOOK_UPS, SIDE = 60, 20

# Times so many looks at a file, as a program whose looks fetch nothing: each goes to kvfs and back.
LOOK = """
import os, sys, time
with open("/proc/self/comm", "w") as comm:
    comm.write("ls")
times = []
for path in 5 * sys.stdin.read().split():
    start = time.perf_counter()
    os.stat(path)
    times.append(1000 * (time.perf_counter() - start))
print(*times)
"""


# So many stats of names at once, by threads; prints the seconds of all.
SIDE_BY_SIDE = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
with open("/proc/self/comm", "w") as comm:
    comm.write("ls")
def stat(path):
    with open("/proc/thread-self/comm", "w") as comm:
        comm.write("ls")
    os.stat(path)
paths = sys.stdin.read().split()
with ThreadPoolExecutor(20) as pool:
    start = time.perf_counter()
    list(pool.map(stat, paths))
    print(time.perf_counter() - start)
"""


def report_listing(bench, name, mount, vault, objects):
    vault.reset()
    names, seconds = list_all(mount, seconds=1800)
    assert names == objects, f"{names} of {objects} names"
    pages = served(vault, "list")
    bench.report.add(name, seconds, "s", pages * bench.settings.latency / 1000, f"{pages} pages", most=1.10)


def ls_l(bench, name, mount, objects, **targets):
    """`ls -l` of what is listed: seconds, and requests to kvfs."""
    def look():
        return harness.run("ls", "-l", mount / "secrets", seconds=600)
    look()
    seconds = statistics.median(look().seconds for _ in range(3))
    bench.report.add(name, seconds, "s", most=targets and WARM_LS_S or None, is_time=True)
    bench.report.add(f"{name}/requests", fuse_requests(bench, mount, look), "requests", objects / PER_REQUEST,
                     f"entries / {PER_REQUEST}", is_count=True, **targets)


def listing(bench):
    """A large vault's names: cold, and after a remount."""
    objects = bench.settings.many
    home = bench.folder("home", on_disk=True)
    with bench.vault(bench.secrets(objects)) as vault:
        with bench.mount(vault, bench.rate(), home=home) as mount:
            report_listing(bench, "list/cold", mount, vault, objects)
            bench.report.add("list/resident", resident_mb(mount.process.pid), "MB", bench.resident_mb(objects),
                             "MB", most=1, is_count=True)
            # No size is known, so that none may be remembered by the kernel: one request an entry.
            ls_l(bench, "list/ls-l", mount, objects)
        with bench.mount(vault, bench.rate(), home=home) as mount:
            report_listing(bench, "list/remount", mount, vault, objects)


def looks(bench):
    """What people do with names makes no backup."""
    objects = bench.settings.objects
    with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, bench.rate()) as mount:
        for name, argv in (("ls", ["ls", "--color=always"]), ("ls-l", ["ls", "-l"]), ("du", ["du", "-a"]),
                           ("find", ["find"])):
            vault.reset()
            more = ["-name", "*.blob"] if name == "find" else []
            out = harness.ok(*argv, mount / "secrets", *more, seconds=600)
            assert out.count(".blob") == objects, f"{name} shows {out.count('.blob')} of {objects} names"
            bench.report.add(f"looks/{name}", backups(vault), "backups", objects, "objects", most=0, is_count=True)


def look_times(paths):
    out = harness.ok(PYTHON, "-c", LOOK, stdin="\n".join(map(str, paths)), seconds=600)
    return [float(ms) for ms in out.split()]


def hang(readers):
    """Whether all these readers wait for kvfs."""
    def waits(pid):
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            return file.read() == "request_wait_answer"
    return all(r.is_running() and waits(r.pid) for r in readers)


def stat(bench):
    """Looks while reads hang: nothing in kvfs waits for another one's network."""
    objects = max(bench.settings.objects, 4 * HANGING)
    with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, bench.rate()) as mount:
        list_all(mount)
        paths = [mount / "secrets" / name for name in mount.names("secrets")]
        vault.fault(operation="backup", action="stall")
        readers = [harness.Process(["cat", path], bench.folder("cat"), "cat") for path in paths[:HANGING]]
        try:
            harness.eventually(lambda: hang(readers), "the readers hang", 30)
            times = look_times(paths[HANGING:])
            assert hang(readers), "the readers hang no more"
        finally:
            vault.clear()
            for reader in readers:
                reader.kill()
        bench.report.add("stat/p99", percentile(times, 99), "ms", STAT_MS, "ms", most=1, is_time=True)


def look_ups(bench):
    """Stats of names that the vault must be asked for, side by side in one folder."""
    with bench.vault(bench.secrets(1)) as vault, bench.mount(vault, bench.rate()) as mount:
        list_all(mount)
        for i in range(LOOK_UPS):
            vault.set_secret(f"later-{i}")
        paths = "\n".join(str(mount / "secrets" / f"later-{i}.blob") for i in range(LOOK_UPS))
        # as ls, so that none of them fetches its blob
        result = harness.run(PYTHON, "-c", SIDE_BY_SIDE, stdin=paths, seconds=60)
    assert result.code == 0, result
    rounds = LOOK_UPS / SIDE * bench.settings.latency / 1000
    bench.report.add("stat/look-ups", float(result.out), "s", rounds, f"{LOOK_UPS // SIDE} rounds", most=0.4 / 0.225)


FIGURES = {"list": listing, "looks": looks, "stat": stat, "look-ups": look_ups}
