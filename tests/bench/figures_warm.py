"""What is known already: files that are read again, archives that are made again."""
import os
import pathlib

import harness
from bench import WARM_BLOB, backups, list_all, remove

ROUNDS = 50  # longer than the second after a download for which kvfs does not poll
OF_TMPFS = 0.08
AGAIN_LATENCY = 10  # ms: it is requests that are counted, and the first run only prepares


def files_a_second(bench, paths):
    return float(harness.ok(bench.build / "reread", ROUNDS, stdin="\n".join(map(str, paths)), seconds=300))


def reread(bench):
    """open+read+close of what was read before, over the same files on tmpfs."""
    objects = min(bench.settings.objects, 2000)  # as many as fit into the cache
    shared = pathlib.Path("/dev/shm")
    if not os.path.ismount(shared):
        raise LookupError("/dev/shm is no tmpfs here")
    with bench.vault(bench.secrets(objects, WARM_BLOB), latency=0, limit="none") as vault:
        with bench.mount(vault, "rate=2000") as mount:
            list_all(mount)
            copy = shared / bench.work.name
            try:
                bench.archive(mount, "rsync", objects, into=copy)
                paths = sorted(path.relative_to(copy) for path in copy.rglob("*.blob"))
                plain = files_a_second(bench, [copy / p for p in paths])
                mounted = files_a_second(bench, [mount / p for p in paths])
            finally:
                remove(copy)
    bench.report.add("warm/open+read+close", mounted, "files/s", plain, "tmpfs", least=OF_TMPFS)


def restic(mount, repository):
    """restic wants the same path each time, and a password."""
    env = {**os.environ, "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(repository.parent / "restic-cache")}
    if not repository.exists():
        harness.ok("restic", "-q", "init", "-r", repository, env=env)
    harness.ok("restic", "-q", "backup", "-r", repository, "secrets", cwd=mount.path, env=env, seconds=600)


def borg(mount, repository):
    env = {**os.environ, "BORG_BASE_DIR": str(repository.parent / "borg-base"),
           "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
    if not repository.exists():
        harness.ok("borg", "init", "-e", "none", repository, env=env)
    harness.ok("borg", "create", f"{repository}::{{now:%s.%f}}", "secrets", cwd=mount.path, env=env, seconds=600)


def rsync(mount, target):
    harness.ok("rsync", "-a", mount / "secrets", f"{target}/", seconds=600)


def again(bench):
    """An archive of an unchanged vault, again and after a remount, makes no backup."""
    for name, tool in (("rsync", rsync), ("restic", restic), ("borg", borg)):
        folder, home = bench.folder("again"), bench.folder("home", on_disk=True)
        with bench.vault(bench.secrets(bench.settings.objects), latency=AGAIN_LATENCY) as vault:
            with bench.mount(vault, bench.rate(), home=home) as mount:
                tool(mount, folder / "archive")
                report_again(bench, f"again/{name}", vault, tool, mount, folder / "archive")
            with bench.mount(vault, bench.rate(), home=home) as mount:
                report_again(bench, f"remount/{name}", vault, tool, mount, folder / "archive")
        remove(folder)


def report_again(bench, name, vault, tool, mount, archive):
    vault.reset()
    tool(mount, archive)
    bench.report.add(name, backups(vault), "backups", bench.settings.objects, "objects", most=0, is_count=True)


FIGURES = {"again": again, "warm": reread}
