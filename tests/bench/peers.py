"""What a user would use instead of kvfs: how it is installed here, and one archive by each.

Every peer gives a Cost for each object, measured in this run, on the same kind of vault, with the same latency.
A peer that cannot be had raises Missing with the reason.
"""
import contextlib
import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import time

import harness
import proxy
from bench import HERE, PYTHON, count_archived, cpu_s, list_all, remove

PACKAGES = ("azure-cli", "azure-identity", "azure-keyvault-keys", "azure-keyvault-secrets",
            "azure-keyvault-certificates")
SCRIPT = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


class Missing(Exception):
    """The reason for which a peer cannot be had on this machine."""


@dataclasses.dataclass
class Cost:
    """Seconds for an object, and seconds of CPU where that was measured."""
    seconds: float
    cpu_s: float = None


def mean(costs):
    return Cost(statistics.fmean(c.seconds for c in costs), statistics.fmean(c.cpu_s for c in costs))


def environment(bench):
    """A venv with azure-cli and the SDK, installed once; its bin folder."""
    venv = bench.build / "venv"
    log = bench.build / "venv.log"
    if (venv / "installed").exists():
        return venv / "bin"
    with open(log, "w", encoding="utf-8") as out:
        for argv in ([PYTHON, "-m", "venv", venv], [venv / "bin" / "pip", "-q", "install", *PACKAGES]):
            if subprocess.run(argv, stdout=out, stderr=out, check=False, timeout=1200).returncode:
                raise Missing(f"PyPI does not give {' '.join(PACKAGES)}, see {log}")
    (venv / "installed").touch()
    return venv / "bin"


def in_namespace(bench, vault, *argv, env, seconds=900):
    """Run a program that finds the vault's name in a private /etc/hosts: Python resolves no *.localhost."""
    if os.geteuid() != 0:
        raise Missing("a private /etc/hosts needs root")
    hosts = bench.folder("hosts") / "hosts"
    hosts.write_text("127.0.0.1 localhost " + " ".join(vault.host(n) for n in vault.names) + "\n", encoding="ascii")
    env = {**harness.environment(vault), "REQUESTS_CA_BUNDLE": vault.ca, **env}
    return harness.ok(*harness.PRIVATE_MOUNTS, "sh", "-c", SCRIPT, "sh", hosts, *argv, env=env,
                      seconds=seconds)


def sdk(bench, vault, threads, count=0):
    """Microsoft's SDK for Python, in a thread or in many; with count only so many, without the listing."""
    target = bench.folder("sdk")
    out = in_namespace(bench, vault, environment(bench) / "python", HERE / "sdk_archive.py", vault.url, target,
                       threads, count, env={})
    done = json.loads(out)
    got = sum(1 for path in target.iterdir() if path.stat().st_size > 0)
    assert got == done["objects"], f"the SDK archived {got} of {done['objects']} objects"
    remove(target)
    return Cost(done["seconds"] / got, done["cpu_s"] / got)


# az as an administrator sets it up for another cloud, then the loop that is timed: names are the arguments.
AZ_LOGIN = """
set -e
arm=$AZURE_AUTHORITY_HOST
arm=${arm%/}
az cloud register --name bench --skip-endpoint-discovery --endpoint-resource-manager "$arm" \\
    --endpoint-active-directory "$arm" --endpoint-active-directory-resource-id https://management.azure.com/ \\
    --endpoint-active-directory-graph-resource-id "$arm/" --endpoint-management "$arm" --suffix-keyvault-dns "$1"
az cloud set --name bench
az login --service-principal -u "$AZURE_CLIENT_ID" "--password=$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" \\
    --allow-no-subscriptions
"""
AZ_LOOP = """
cd "$1" && vault=$2 && shift 2
start=$EPOCHREALTIME
for name; do
    az keyvault secret backup --vault-name "$vault" --name "$name" --file "$name.blob" || exit 1
done
echo "$start $EPOCHREALTIME"
times
"""


def az(bench, vault, count):
    """`az keyvault secret backup` in a shell loop, for so many secrets."""
    target, config = bench.folder("az"), bench.folder("az-config")
    env = {"AZURE_CONFIG_DIR": config, "AZURE_CORE_INSTANCE_DISCOVERY": "false", "AZURE_CORE_COLLECT_TELEMETRY": "0",
           "PATH": f"{environment(bench)}:{os.environ['PATH']}"}
    env = {name: str(value) for name, value in env.items()}
    names = bench.random.sample(vault.list("secrets"), count)
    suffix = vault.url.removeprefix(f"https://{vault.name}")
    in_namespace(bench, vault, "bash", "-c", AZ_LOGIN, "bash", suffix, env=env)
    out = in_namespace(bench, vault, "bash", "-c", AZ_LOOP, "bash", target, vault.name, *names, env=env,
                       seconds=60 * count)
    lines = out.splitlines()
    start, end = (float(x.replace(",", ".")) for x in lines[-3].split())
    got = count_archived(target)
    assert got == count, f"az archived {got} of {count} secrets"
    return Cost((end - start) / count, sum(shell_seconds(x) for x in lines[-1].split()) / count)


def shell_seconds(text):
    """0m1.234s, as the shell's times prints it."""
    minutes, _, seconds = text.rstrip("s").partition("m")
    return 60 * int(minutes) + float(seconds.replace(",", "."))


def make_files(bench, count, size):
    folder = bench.folder("files") / "secrets"
    folder.mkdir()
    for i in range(count):
        (folder / f"secret-{i:05}.blob").write_bytes(bench.random.randbytes(size))
    return folder.parent


@contextlib.contextmanager
def rclone_mount(bench, port):
    """rclone's mount of a webdav server."""
    folder = bench.folder("rclone")
    path = folder / "mnt"
    path.mkdir()
    argv = ["rclone", "mount", ":webdav:", path, f"--webdav-url=http://127.0.0.1:{port}", "--read-only",
            f"--config={folder / 'none.conf'}", f"--cache-dir={folder}"]
    process = harness.Process(argv, folder, "rclone")
    try:
        harness.eventually(lambda: harness.is_mounted(path), "rclone's mount", 30)
        yield path, process
    finally:
        harness.run("fusermount3", "-u", path)
        with contextlib.suppress(AssertionError):
            process.wait(10)
        process.kill()
        harness.run("fusermount3", "-uz", path)


def rclone(bench, latency, objects, count, size):
    """`rsync -a` of so many of the files on rclone's mount of a webdav server that is as far away as the vault."""
    if not shutil.which("rclone"):
        raise Missing("rclone is not installed")
    files, target, port = make_files(bench, objects, size), bench.folder("copy"), proxy.free_port()
    serve = ["rclone", "serve", "webdav", files, f"--addr=127.0.0.1:{port}", f"--config={files / 'none.conf'}"]
    chosen = "".join(f"secrets/{path.name}\n" for path in sorted((files / "secrets").iterdir())[:count])
    with proxy.program(serve, bench.folder("webdav"), "webdav", port), \
            proxy.slow_line(bench, port, latency) as slow, rclone_mount(bench, slow) as (path, process):
        harness.ok("ls", "-f", path / "secrets", seconds=600)
        cpu = cpu_s(process.pid)
        result = harness.run("rsync", "-a", "--files-from=-", f"{path}/", target, stdin=chosen, seconds=1800)
        cpu = cpu_s(process.pid) - cpu
    assert result.code == 0 and count_archived(target) == count, result
    remove(target)
    remove(files)
    return Cost(result.seconds / count, cpu / count)


def kvfs(bench, vault, objects):
    """kvfs and `rsync -a`, from the start of kvfs on, listing included; CPU is that of kvfs alone."""
    start = time.monotonic()
    with bench.mount(vault, bench.rate(), types=":".join(harness.TYPES)) as mount:
        mounted = time.monotonic() - start
        seconds = mounted + bench.archive(mount, "rsync", objects, kinds=harness.TYPES)
        return Cost(seconds / objects, cpu_s(mount.process.pid) / objects)


def kvfs_listed(bench, vault, objects, rate):
    """The same for secrets at some rate, from a complete listing on."""
    with bench.mount(vault, f"rate={rate}") as mount:
        list_all(mount)
        cpu = cpu_s(mount.process.pid)
        seconds = bench.archive(mount, "rsync", objects)
        return Cost(seconds / objects, (cpu_s(mount.process.pid) - cpu) / objects)
