"""Restores: one after the other, many at a time, and the same again."""
import json
import statistics

import harness
from bench import PYTHON, SMALL_BLOB

ALONE = 20
RATE = 200  # requests a second
PARALLEL = 16

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
        result = harness.run("cp", "-r", folder, mount / "restore", seconds=3600)
        assert result.code == 0, result
    bench.report.add("restore/cp", result.seconds, "s", len(rest) * each, f"{1000 * each:.1f} ms alone", most=1.10)
    report_restores(bench, "restore/cp", vault, "second", len(blobs))
    vault.reset()
    with bench.mount(vault, f"rate={RATE}", url=vault.urls["second"], home=home) as mount:
        result = harness.run("cp", "-r", folder, mount / "restore", seconds=3600)
    bench.report.add("restore/again/status", result.code, "status", most=0, is_count=True)
    bench.report.add("restore/again", vault.count("restore", vault="second"), "restores", len(rest), "objects", most=0,
                     is_count=True)


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


def restores(bench):
    objects = bench.settings.objects
    archive = bench.folder("archive")
    with bench.vault(bench.secrets(objects, SMALL_BLOB), "first", "second", "third", latency=0) as vault:
        with bench.mount(vault, bench.rate()) as mount:
            bench.archive(mount, "rsync", objects, into=archive)
        vault.config(latency_ms=bench.settings.latency)
        blobs = sorted((archive / "secrets").iterdir())
        one_by_one(bench, vault, blobs)
        at_once(bench, vault, blobs)


FIGURES = {"restore": restores}
