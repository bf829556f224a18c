"""kvfs beside others: an application, a service that gets stricter or fails, other mounts of the same vault."""
import contextlib
import json
import math
import re
import subprocess
import time

import harness
from bench import HERE, PYTHON, asked, count_archived, list_all, percentile

APP_SHARE = 0.4
RSA_4096_RATE = 50  # requests a second that the service allows on such keys
ALONE_S = 20
SETTLE_S = 5  # after a change of the limit, before what follows is judged
HALVED_S = 30
MOUNTS = 8
TOGETHER_S = 180


class Application:
    """A load generator in a process of its own; `with` starts it, and ends it or waits until it has sent count."""

    def __init__(self, vault, kind, rate, count=0):
        self.argv = [PYTHON, HERE / "app.py", vault.port, vault.ca, vault.host(), rate, max(8, math.ceil(rate / 5)),
                     count]
        paths = [f"/{kind}/{name}?{harness.API}" for name in vault.list(kind)[:200]]
        self.plan = json.dumps({"token": vault.token(), "paths": paths}) + "\n"

    def __enter__(self):
        self.child = subprocess.Popen([str(a) for a in self.argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        self.child.stdin.write(self.plan)
        self.child.stdin.flush()
        return self

    def __exit__(self, *_):
        try:
            out, _ = self.child.communicate(timeout=300)
            self.result = json.loads(out) if self.child.returncode == 0 else None
        finally:
            self.child.kill()
            self.child.wait()

    def requests(self):
        return sum(self.result["statuses"].values())

    def throttled(self):
        return self.result["statuses"].get("429", 0)

    def p99_ms(self):
        return percentile(self.result["times_ms"], 99)


def beside_app(bench, name, seed, kind, objects, rate, limit):
    """An archive with default options beside an application that uses 40 % of the limit."""
    with bench.vault(seed, limit=limit) as vault:
        with Application(vault, kind, rate, count=int(min(ALONE_S * rate, objects))) as alone:
            pass  # until it has sent them all
        with Application(vault, kind, rate) as app, bench.mount(vault, types=kind) as mount:
            seconds = bench.archive(mount, "rsync", objects, kinds=(kind,), seconds=1800)
    report = bench.report
    report.add(f"{name}/429", app.throttled(), "answers", app.requests(), "requests", most=0.01, is_count=True)
    report.add(f"{name}/p99", app.p99_ms(), "ms", alone.p99_ms(), "alone", most=1.5)
    report.add(f"{name}/archive", objects / seconds, "objects/s")


def app(bench):
    s = bench.settings
    beside_app(bench, "app", bench.secrets(s.objects), "secrets", s.objects, APP_SHARE * s.limit / 10, s.limit)
    keys = math.ceil(0.75 * s.objects)
    beside_app(bench, "app/rsa-4096", f"keys={keys},kty=RSA-4096", "keys", keys, APP_SHARE * RSA_4096_RATE, "service")


def is_served(vault, count):
    return vault.count("backup", 200) >= count


def halved(bench):
    """The limit is halved in mid-archive; judged from five seconds after the change on."""
    s = bench.settings
    full = s.limit / 10
    before, after = SETTLE_S * full, (SETTLE_S + HALVED_S) * full / 2
    objects = min(s.many, int(before + after))
    target = bench.folder("archive")
    with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, f"rate={full:g}", "share=95") as mount:
        list_all(mount)
        vault.reset()
        rsync = harness.Process(["rsync", "-a", mount / "secrets", f"{target}/"], target, "rsync")
        harness.eventually(lambda: is_served(vault, before * objects / (before + after)), "half of the archive", 120)
        vault.config(limit=s.limit // 2)
        changed = time.monotonic()
        harness.eventually(lambda: time.monotonic() - changed >= SETTLE_S, "the new limit is known", 2 * SETTLE_S)
        middle, start = vault.stats(vault.name), time.monotonic()
        harness.eventually(lambda: is_served(vault, objects), "the last backup", 1800)
        end, seconds = vault.stats(vault.name), time.monotonic() - start
        status = rsync.wait(600)
    requests, throttled = asked(end) - asked(middle), end["throttled"] - middle["throttled"]
    report = bench.report
    report.add("halved/failed", objects - count_archived(target) + abs(status), "files", most=0, is_count=True)
    report.add("halved/429", throttled, "answers", requests, "requests", most=0.02)
    report.add("halved/used", (requests - throttled) / seconds, "requests/s", full / 2, "new limit", least=0.9)


def timed_archive(bench, share_of_503):
    """The seconds of an archive where that share of the backups is answered 503."""
    objects = bench.settings.objects
    with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, bench.rate()) as mount:
        list_all(mount)
        if share_of_503:
            vault.fault(operation="backup", action="status", status=503, share=share_of_503)
        return bench.archive(mount, "rsync", objects)


def faulty(bench):
    """One answer in ten is 503: no file fails (archive() sees to that), and little is lost."""
    objects = bench.settings.objects
    clean, faulty_s = timed_archive(bench, 0), timed_archive(bench, 0.1)
    bench.report.add("faulty/speed", objects / faulty_s, "objects/s", objects / clean, "clean", least=0.85)


def backed_up(mount):
    """How many backups this mount was given."""
    metrics = harness.ok("cat", mount / ".kvfs" / "metrics")
    return int(re.search(r'^kvfs_requests_total\{operation="backup",status="200"\} (\d+)', metrics, re.M).group(1))


def eight(bench):
    """Eight mounts of one vault, three minutes: the real thing; a unit test simulates it."""
    s = bench.settings
    folders = [bench.folder("archive") for _ in range(MOUNTS)]
    with bench.vault(bench.secrets(s.many)) as vault, contextlib.ExitStack() as stack:
        mounts = [stack.enter_context(bench.mount(vault, "share=95", name=f"mount{i}")) for i in range(MOUNTS)]
        for mount in mounts:
            list_all(mount)
        vault.reset()
        start = time.monotonic()
        tools = [harness.Process(["rsync", "-a", m / "secrets", f"{f}/"], f, "rsync") for m, f in zip(mounts, folders)]
        stack.callback(lambda: [tool.kill() for tool in tools])
        harness.eventually(lambda: time.monotonic() - start >= TOGETHER_S or not any(t.is_running() for t in tools),
                           "three minutes", 2 * TOGETHER_S)
        stats, seconds = vault.stats(vault.name), time.monotonic() - start
        errors = sum(len(tool.err.splitlines()) for tool in tools)
        done = [backed_up(mount) for mount in mounts]
        for tool in tools:
            tool.kill()
    served_requests = asked(stats) - stats["throttled"]
    bench.report.add("eight/failed", errors, "files", most=0, is_count=True)
    bench.report.add("eight/used", served_requests / seconds, "requests/s", s.limit / 10, "limit", least=0.9)
    index = sum(done) ** 2 / (MOUNTS * sum(x * x for x in done))
    bench.report.add("eight/jain", index, "", 1, "even", least=0.95)


def simulated(bench):
    """Eight mounts, as the unit test of the pacing prints them: kvfs's own code on a false clock."""
    out = harness.ok(bench.build.parent / "tests" / "pacing_test", seconds=120)
    rows = re.findall(r"^eight mounts, (.*):\s+([\d.]+) % of the limit used,\s+([\d.]+) % answered 429\n"
                      r"\s+([\d.]+) Jain's index$", out, re.M)
    assert rows, f"no eight mounts in {out[-500:]!r}"
    for what, used, refused, index in rows:
        name = f"eight/simulated/{what.replace(', ', '/')}"
        is_judged = what.endswith("together")
        bench.report.add(f"{name}/used", float(used), "%", 100, "limit", least=0.9 if is_judged else None,
                         is_count=True)
        bench.report.add(f"{name}/429", float(refused), "%", 100, "requests")
        bench.report.add(f"{name}/jain", float(index), "", 1, "even", least=0.95 if is_judged else None, is_count=True)


FIGURES = {"app": app, "halved": halved, "faulty": faulty, "simulated": simulated, "eight": eight}
