"""Several vaults in one mount, archived at once."""
import contextlib
import math
import time

import harness
from bench import asked, count_archived, cpu_s, list_all, remove
from figures_beside import APP_SHARE, Application

FOUR = [f"vault-{i}" for i in range(1, 5)]
TEN = [f"vault-{i:02}" for i in range(1, 11)]
ELEVENTH = "others"
COMMON = 5  # the service's limit of a subscription, in limits of one vault


def seeds(bench, names, objects):
    """Options that fill each vault."""
    return [word for name in names for word in ("--seed", f"{bench.secrets(objects)},vault={name}")]


@contextlib.contextmanager
def archives(bench, mount, names):
    """An rsync of each vault, all at once; their folders of archives."""
    folders = {name: bench.folder("archive") for name in names}
    tools = [harness.Process(["rsync", "-a", mount / name / "secrets", f"{folder}/"], folder.parent, f"rsync-{name}")
             for name, folder in folders.items()]
    try:
        yield folders, tools
    finally:
        for tool in tools:
            tool.kill()
        for folder in folders.values():
            remove(folder)


def wait_for(folders, tools, objects, seconds):
    for tool in tools:
        status = tool.wait(seconds)
        assert status == 0, tool.err
    for name, folder in folders.items():
        got = count_archived(folder)
        assert got == objects, f"rsync archived {got} of {objects} objects of {name}"


def four(bench):
    """Four vaults, each at its own rate: as fast as four mounts."""
    s = bench.settings
    objects = math.ceil(0.75 * s.objects)
    with bench.vault(None, *FOUR, options=seeds(bench, FOUR, objects)) as vault:
        urls = [vault.urls[name] for name in FOUR]
        with bench.mount(vault, bench.rate(), f"total_rate={4 * s.rate}", urls=urls) as mount:
            for name in FOUR:
                list_all(mount, f"{name}/secrets")
            vault.reset()
            cpu, start = cpu_s(mount.process.pid), time.monotonic()
            with archives(bench, mount, FOUR) as (folders, tools):
                for tool in tools:
                    tool.wait(600)
                seconds = time.monotonic() - start
                cpu = cpu_s(mount.process.pid) - cpu
                wait_for(folders, tools, objects, 1)
            throttled = sum(vault.stats(name)["throttled"] for name in FOUR)
            backups = vault.count("backup")
    report = bench.report
    report.add("four/rsync", seconds, "s", bench.floor(objects), "floor", most=1.15)
    report.add("four/rsync/backups", backups, "requests", 4 * objects, "objects", most=1, least=1, is_count=True)
    report.add("four/rsync/429", throttled, "answers", 4 * objects, "objects", most=0, is_count=True)
    report.add("four/rsync/cpu", 1000 * cpu / (4 * objects), "ms/object")


def ten_beside_app(bench, name, limit, most):
    """Ten vaults with default options, whose common limit is five times one's, beside an application in an eleventh."""
    objects = math.ceil(0.5 * bench.settings.objects)
    options = [*seeds(bench, TEN, objects), "--seed", f"secrets=50,kty=EC,vault={ELEVENTH}",
               "--subscription-limit", COMMON * limit]
    with bench.vault(None, ELEVENTH, *TEN, limit=limit, options=options) as vault:
        with Application(vault, "secrets", APP_SHARE * limit / 10) as app:
            with bench.mount(vault, urls=[vault.urls[name] for name in TEN]) as mount:
                vault.reset()
                start = time.monotonic()
                with archives(bench, mount, TEN) as (folders, tools):
                    wait_for(folders, tools, objects, 1800)
                seconds = time.monotonic() - start
                served = sum(asked(x) - x["throttled"] for x in (vault.stats(name) for name in TEN))
    report = bench.report
    report.add(f"{name}/429", app.throttled(), "answers", app.requests(), "requests", most=most, is_count=True)
    report.add(f"{name}/used", served / seconds, "requests/s", COMMON * limit / 10, "limit")


def ten(bench):
    """And where the limit is as low as kvfs's first rate, so that it is reached: how often the application meets it."""
    ten_beside_app(bench, "ten", bench.settings.limit, 0.01)
    ten_beside_app(bench, "ten/reached", bench.settings.limit // 4, None)


FIGURES = {"four": four, "ten": ten}
