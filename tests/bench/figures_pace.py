"""Large lists: read in parts after a remount, and what is read ahead by them."""
import contextlib

from bench import backups, remove, served

LIST_RATE = 200  # pages a second: kvfs's own rate at the start
MANY_LISTED = 250000
RESIDENT_MB = 200


@contextlib.contextmanager
def left_behind(bench, seed, fill):
    """A vault, and what a mount that filled its index left behind; both without any delay."""
    home = bench.folder("home", on_disk=True)
    with bench.vault(seed, latency=0, limit="none") as vault:
        with bench.mount(vault, "rate=3000", home=home) as mount:
            fill(mount)
        vault.config(latency_ms=bench.settings.latency, limit=bench.settings.limit)
        yield vault, home


def remount(bench):
    """An unchanged large vault, right after a remount: the list is all that is asked for."""
    objects = bench.settings.many
    target = bench.folder("archive")
    with left_behind(bench, bench.secrets(objects), lambda m: bench.archive(m, "rsync", objects, into=target)) as left:
        vault, home = left
        for name, options in (("remount/parts", ()), ("remount/serial", ("list_parts=1",))):
            vault.reset()
            with bench.mount(vault, *options, home=home) as mount:
                seconds = bench.archive(mount, "rsync", objects, into=target, seconds=600)
            pages = served(vault, "list")
            bench.report.add(name, seconds, "s", -(-objects // 25) / LIST_RATE, "pages / 200 a second",
                             most=1.5 if not options else None)
            bench.report.add(f"{name}/pages", pages, "pages", -(-objects // 25), "pages", is_count=True,
                             most=1.2 if not options else None)
            bench.report.add(f"{name}/backups", backups(vault), "backups", most=0, is_count=True)
    remove(target)


FIGURES = {"remount": remount}
