"""Restores: one after the other, many at a time, by kvfs restore, and the same again after a remount."""
import json
import statistics

import harness
from bench import PYTHON, SMALL_BLOB

ALONE = 20
RATE = 200  # requests a second
PARALLEL = 16
AGAIN = 20  # cp at a time, when all is there already

# Copies files one by one into a folder, as cp does, and prints the seconds of each.
COPY = """
import json, os, sys, time
times = []
for name in json.load(sys.stdin):
    with open(name, "rb") as file:
        data = file.read()
    start = time.perf_counter()
    fd = os.open(os.path.join(sys.argv[1], os.path.basename(name)), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, data)
    os.close(fd)
    times.append(time.perf_counter() - start)
print(json.dumps(times))
"""


def report_restores(bench, name, vault, target, objects):
    bench.report.add(f"{name}/restored", len(vault.list("secrets", target)), "objects", objects, "objects",
                     most=1, least=1, is_count=True)
    bench.report.add(f"{name}/429", vault.stats(target)["throttled"], "answers", objects, "restores", most=0,
                     is_count=True)


def alone(mount, blobs):
    """The seconds that one restore takes when nothing else happens."""
    out = harness.ok(PYTHON, "-c", COPY, mount / "restore" / "secrets", stdin=json.dumps([str(b) for b in blobs]),
                     seconds=600)
    return statistics.median(json.loads(out))


def one_by_one(bench, vault, blobs):
    """One cp -r, over what one restore takes alone; then all of it again after a remount."""
    home, folder = bench.folder("home", on_disk=True), bench.folder("blobs") / "secrets"
    folder.mkdir()
    alone_count = min(ALONE, len(blobs) // 2)
    few, rest = blobs[:alone_count], blobs[alone_count:]
    for blob in rest:
        (folder / blob.name).hardlink_to(blob)
    with bench.mount(vault, f"rate={RATE}", url=vault.urls["second"], home=home) as mount:
        each = alone(mount, few)
        # with their times, by which rsync will find nothing to do
        result = harness.run("cp", "-r", "--preserve=timestamps", folder, mount / "restore", seconds=3600)
        assert result.code == 0, result
    bench.report.add("restore/cp", result.seconds, "s", len(rest) * each, f"{1000 * each:.1f} ms alone", most=1.10)
    report_restores(bench, "restore/cp", vault, "second", len(blobs))
    for tool in ("rsync", "xargs", "cp"):
        again(bench, vault, folder, home, tool)


# How often the vault may be asked for an object's versions: for the look at the name, and for the close.
MOST_ASKED = {"rsync": 1, "xargs": 2, "cp": 2}


def again(bench, vault, folder, home, tool):
    """The same once more after a remount: nothing is restored, and what was is confirmed by light requests."""
    blobs = sorted(folder.iterdir())
    vault.reset()
    with bench.mount(vault, f"rate={RATE}", url=vault.urls["second"], home=home) as mount:
        target = mount / "restore"
        argv = {"rsync": ["rsync", "-a", folder, f"{target}/"], "cp": ["cp", "-r", "--preserve=timestamps", folder, target],
                "xargs": ["xargs", f"-P{AGAIN}", "-I", "BLOB", "cp", "--preserve=timestamps", "BLOB", target / "secrets"]}[tool]
        result = harness.run(*argv, stdin="\n".join(map(str, blobs)) if tool == "xargs" else None, seconds=3600)
    asked = vault.count("versions", vault="second")
    name = f"restore/again/{tool}"
    bench.report.add(f"{name}/status", result.code, "status", most=0, is_count=True)
    bench.report.add(f"{name}/restores", vault.count("restore", vault="second"), "restores", len(blobs), "objects",
                     most=0, is_count=True)
    bench.report.add(f"{name}/asked", asked, "requests", len(blobs), "objects", most=MOST_ASKED[tool] * 1.02)
    floor = asked / bench.pace(RATE)
    if tool == "cp":  # one file after the other: each close waits for its answer
        floor = len(blobs) * (bench.settings.latency / 1000 + 1 / bench.pace(RATE))
    bench.report.add(name, result.seconds, "s", floor, f"{asked} requests at {bench.pace(RATE):g}/s", most=1.15)


def at_once(bench, vault, blobs):
    """Several cp at a time, over the pace that kvfs was given."""
    order = [str(blob) for blob in blobs]
    bench.random.shuffle(order)
    with bench.mount(vault, f"rate={RATE}", url=vault.urls["third"]) as mount:
        result = harness.run("xargs", f"-P{PARALLEL}", "-I", "BLOB", "cp", "BLOB", mount / "restore" / "secrets",
                             stdin="\n".join(order), seconds=3600)
        assert result.code == 0, result
    pace = bench.pace(RATE)
    bench.report.add("restore/xargs", result.seconds, "s", len(blobs) / pace, f"at {pace:g}/s", most=1.15)
    report_restores(bench, "restore/xargs", vault, "third", len(blobs))


def command(bench, vault, blobs):
    """kvfs restore of the whole archive, over the pace that kvfs was given; its list comes before."""
    with bench.mount(vault, f"rate={RATE}", url=vault.urls["fourth"]) as mount:
        result = harness.run(harness.KVFS, "restore", blobs[0].parent, mount.path, seconds=3600)
        assert result.code == 0, result
    pace = bench.pace(RATE)
    bench.report.add("restore/command", result.seconds, "s", len(blobs) / pace, f"at {pace:g}/s", most=1.15)
    report_restores(bench, "restore/command", vault, "fourth", len(blobs))


def restores(bench):
    objects = bench.settings.objects
    archive = bench.folder("archive")
    with bench.vault(bench.secrets(objects, SMALL_BLOB), "first", "second", "third", "fourth", latency=0) as vault:
        with bench.mount(vault, bench.rate()) as mount:
            bench.archive(mount, "rsync", objects, into=archive)
        vault.config(latency_ms=bench.settings.latency)
        blobs = sorted((archive / "secrets").iterdir())
        one_by_one(bench, vault, blobs)
        at_once(bench, vault, blobs)
        command(bench, vault, blobs)


FIGURES = {"restore": restores}
