"""What the figures share: vaults with objects, mounts, tools that archive, and what they cost."""
import contextlib
import math
import os
import pathlib
import random
import re
import shutil
import statistics
import tempfile

import harness

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
TICKS = os.sysconf("SC_CLK_TCK")
# A seeded secret's backup is so many bytes and a third more than its value.
BLOB_FIXED, BLOB_SHARE = 2640, 4 / 3
SMALL_BLOB, MANY_BLOB, WARM_BLOB = 4000, 8000, 20000
EC = "kty=EC"

MEMORY = pathlib.Path("/dev/shm")
# The command by which a tool archives folders of a mount into a target.
TOOLS = {
    "rsync": lambda mount, kinds, target: ["rsync", "-a", *(mount / k for k in kinds), f"{target}/"],
    "cp": lambda mount, kinds, target: ["cp", "-r", *(mount / k for k in kinds), target],
    "tar": lambda mount, kinds, target: ["tar", "-c", "-f", target / "archive.tar", "-C", mount.path, *kinds],
}


class Bench:
    """The settings, the report, and a work folder that is removed in the end."""

    def __init__(self, settings, report, build):
        self.settings = settings
        self.report = report
        self.build = build
        self.random = random.Random(settings.seed)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-bench-"))
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-bench-", dir=MEMORY if MEMORY.is_dir() else None))
        self.protection_key = self.work / "protection.pem"
        self.count = 0

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)

    def folder(self, name, on_disk=False):
        """A new empty folder; for archives in memory, so that it is not this machine's disk that is measured."""
        self.count += 1
        path = (self.work if on_disk else self.memory) / f"{self.count}-{name}"
        path.mkdir()
        return path

    def secrets(self, count, blob=SMALL_BLOB):
        """A seed: so many secrets with blobs of about this size, a little different with each SEED."""
        value = (blob - BLOB_FIXED) / BLOB_SHARE * self.random.uniform(0.9, 1.1)
        return f"secrets={count},value={int(value)},{EC}"

    def mixed(self, count):
        """A seed: keys, secrets and certificates, in a mix that differs a little with each SEED."""
        keys, certificates = (int(count * self.random.uniform(0.25, 0.35)) for _ in range(2))
        return f"keys={keys},secrets={count - keys - certificates},certificates={certificates},{EC}"

    @contextlib.contextmanager
    def vault(self, seed, *names, latency=None, limit=None, options=()):
        folder = self.folder("vault")
        how = ["--latency", self.settings.latency if latency is None else latency,
               "--limit", self.settings.limit if limit is None else limit,
               "--protection-key", self.protection_key, *options]
        vault = harness.Vault(folder, *names, seed=seed, options=how)
        try:
            yield vault
        finally:
            vault.stop()
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def mount(self, vault, *options, url=None, urls=None, home=None, program=(), types="secrets", name="mount",
              seconds=60):
        """kvfs with these -o options; what it keeps between mounts is in home, its own where none is given."""
        folder = self.work / name  # the same for each mount of that name, as tools go by it
        folder.mkdir()
        argv = []
        for option in (f"cacert={vault.ca}", f"types={types}", *options):
            argv += ["-o", option]
        env = harness.environment(vault, XDG_CACHE_HOME=home or folder)
        mount = harness.Mount(folder, [*argv, *(urls or [url or vault.url])], env, program)
        try:
            yield mount.wait_until_mounted(seconds)
            if not mount.is_ended:
                mount.unmount()
        finally:
            mount.discard()
            shutil.rmtree(folder, ignore_errors=True)

    def rate(self):
        return f"rate={self.settings.rate}"

    def burst_rate(self):
        """What a vault takes for some seconds: its limit is in a window of 10 s, and half of that holds all objects."""
        return (2 if 2 * self.settings.objects <= self.settings.limit else 1) * self.settings.rate

    def pace(self, rate=None):
        """What kvfs is told, or what the vault allows where that is less."""
        return min(rate or self.settings.rate, self.settings.limit / 10)

    def floor(self, objects, latency=None):
        """The seconds that fetching takes at least: objects / rate + 3 round trips."""
        latency = self.settings.latency if latency is None else latency
        return objects / self.pace() + 3 * latency / 1000

    def resident_mb(self, objects):
        """The memory that kvfs may use without its cache: 40 MB for 25,000 objects."""
        return 40 * max(1, objects / 25000)

    def archive(self, mount, tool, objects, kinds=("secrets",), into=None, seconds=600):
        """Run a tool that must archive all objects; its seconds."""
        target = into or self.folder("archive")
        seconds = max(seconds, 10 * self.floor(objects))
        result = harness.run(*TOOLS[tool](mount, kinds, target), seconds=seconds)
        assert result.code == 0, result
        got = count_archived(target)
        assert got == objects, f"{tool} archived {got} of {objects} objects"
        if into is None:
            remove(target)
        return result.seconds


def count_archived(folder):
    """How many blobs are in an archive; none of them is empty."""
    tar = folder / "archive.tar"
    if tar.exists():
        return sum(1 for line in harness.ok("tar", "-tvf", tar).splitlines()
                   if line.endswith(".blob") and line.split()[2] != "0")
    return sum(1 for path in folder.rglob("*.blob") if path.stat().st_size > 0)


def remove(folder):
    """An archive has the mount's modes; root removes it all the same, a user must be let in first."""
    harness.run("chmod", "-R", "u+w", folder)
    shutil.rmtree(folder, ignore_errors=True)


def list_all(mount, kind="secrets", seconds=600):
    """Names alone, as `ls -f` reads them: how many there are, and the seconds that it took."""
    result = harness.run("ls", "-f", mount / kind, seconds=seconds)
    assert result.code == 0, result
    return sum(1 for name in result.out.split() if name.endswith(".blob")), result.seconds


def served(vault, operation, name=None):
    """The requests of an operation that were answered 200."""
    return vault.count(operation, 200, name)


def asked(stats):
    """The requests in a vault's counters, but for the challenges, which no limit counts."""
    return sum(n for operation, counts in stats["requests"].items() if operation not in ("challenge", "token")
               for n in counts.values())


def backups(vault):
    """The backup requests of every status, also those that were refused."""
    return vault.count("backup")


def cpu_s(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def fuse_requests(bench, mount, act):
    """How many requests the kernel sends to kvfs while act() runs: the successful reads of its device."""
    log = bench.folder("strace") / "reads"
    tracer = harness.Process(["strace", "-f", "-e", "trace=read", "-P", "/dev/fuse", "-o", log,
                              "-p", mount.process.pid], log.parent, "strace")
    harness.eventually(lambda: "attached" in tracer.err, "strace is attached")
    act()
    tracer.child.terminate()
    tracer.wait()
    return sum(1 for line in log.read_text(encoding="utf-8").splitlines() if re.search(r"= [1-9]\d*$", line))


def percentile(values, percent):
    """The smallest value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def median(measure, times):
    """The median of so many calls."""
    return statistics.median(measure() for _ in range(times))
