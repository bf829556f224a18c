"""What an archive costs: CPU time, and instructions, which can be counted again elsewhere."""
import re

from bench import cpu_s, list_all

CONNECTIONS = 8
COUNTED = (100, 300)  # objects: the difference has no start and no end of kvfs in it


def cpu(bench):
    """User and system time of kvfs for each object archived, at no latency, so that there is nothing but work."""
    objects = bench.settings.objects
    with bench.vault(bench.secrets(objects), latency=0) as vault, bench.mount(vault, bench.rate()) as mount:
        list_all(mount)
        start = cpu_s(mount.process.pid)
        bench.archive(mount, "rsync", objects)
        bench.report.add("cpu/archive", 1000 * (cpu_s(mount.process.pid) - start) / objects, "ms/object")


def instructions(bench, objects):
    """All that kvfs executes from its start to its end for an archive of so many objects."""
    log = bench.folder("callgrind") / "out"
    program = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={log}", f"--log-file={log}.log")
    with bench.vault(f"secrets={objects},value=1000,kty=EC", latency=5) as vault:
        # Few connections, so that the difference has no TLS handshake, which costs as much as seven objects.
        with bench.mount(vault, bench.rate(), f"max_inflight={CONNECTIONS}", program=program, seconds=120) as mount:
            bench.archive(mount, "rsync", objects)
    return int(re.search(r"^(?:totals|summary): (\d+)", log.read_text(encoding="utf-8"), re.M).group(1))


def callgrind(bench):
    few, more = (instructions(bench, n) for n in COUNTED)
    bench.report.add("callgrind/archive", (more - few) / (COUNTED[1] - COUNTED[0]) / 1e6, "M instr/object")


FIGURES = {"cpu": cpu, "callgrind": callgrind}
