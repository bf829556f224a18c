"""Large lists: read in parts after a remount, and what is read ahead by them."""
import contextlib
import time

import harness
from bench import backups, list_all, remove, resident_mb, served
from figures_cold import archive, report_counts

LIST_RATE = 200  # pages a second: kvfs's own rate at the start
MANY_LISTED, RESIDENT_MB = 250000, 200
PER_PAGE = 25
# An hour at a hundredth of its size: objects, latency, list_ttl and the hour itself.
HOUR, HOUR_S = 100, 3600
UNREAD = 64
PICKED = 10


@contextlib.contextmanager
def left_behind(bench, seed, fill):
    """A vault, and the folder in which a mount that filled its index has left that; both without any delay."""
    home = bench.folder("home", on_disk=True)
    with bench.vault(seed, latency=0, limit="none") as vault:
        with bench.mount(vault, "rate=3000", home=home) as mount:
            fill(mount)
        vault.config(latency_ms=bench.settings.latency)
        yield vault, home


def report_remount(bench, name, vault, mount, target, most):
    objects = bench.settings.many
    pages = -(-objects // PER_PAGE)
    seconds = bench.archive(mount, "rsync", objects, into=target, seconds=600)
    bench.report.add(name, seconds, "s", pages / LIST_RATE, f"pages / {LIST_RATE} a second", most=most)
    bench.report.add(f"{name}/pages", served(vault, "list"), "pages", pages, "full pages", is_count=True)
    bench.report.add(f"{name}/backups", backups(vault), "backups", most=0, is_count=True)


def remount(bench):
    """An unchanged large vault, right after a remount: the list is all that is asked for."""
    target = bench.folder("archive")
    objects = bench.settings.many
    with left_behind(bench, bench.secrets(objects), lambda m: bench.archive(m, "rsync", objects, into=target)) as left:
        vault, home = left
        for name, options, most in (("remount/parts", (), 1.5), ("remount/serial", ("list_parts=1",), None)):
            vault.reset()
            with bench.mount(vault, *options, home=home) as mount:
                report_remount(bench, name, vault, mount, target, most)
        # The bookmarks are Key Vault's, the server is another one: page by page, and complete.
        for paging in ("offset", "insertion", "snapshot"):
            vault.config(paging=paging)
            vault.reset()
            with bench.mount(vault, home=home) as mount:
                report_remount(bench, f"remount/{paging}", vault, mount, target, None)
    remove(target)


def list_requests(bench, *options):
    """The pages that a mount requests in an hour in which it is used, at a hundredth of everything."""
    objects = max(bench.settings.many // HOUR, 10 * PER_PAGE)
    home = bench.folder("home", on_disk=True)
    with bench.vault(bench.secrets(objects), latency=bench.settings.latency, limit="none") as vault:
        vault.config(empty_pages=False)
        with bench.mount(vault, "list_ttl=1", *options, home=home) as mount:
            list_all(mount)
        vault.reset()
        with bench.mount(vault, "list_ttl=1", *options, home=home) as mount:
            end = time.monotonic() + HOUR_S / HOUR
            while time.monotonic() < end:
                list_all(mount)
                time.sleep(0.1)
        return served(vault, "list")


def hour(bench):
    """Lists that are read faster are not read more often."""
    serial, parts = (list_requests(bench, *options) for options in (("list_parts=1",), ()))
    bench.report.add("hour/list requests", parts, "pages", serial, "page by page", most=1.1)


def report_first(bench, name, tool, vault, mount, most):
    objects, latency = bench.settings.objects, bench.settings.latency
    run = archive(bench, mount, vault, tool, objects)
    floor = max(-(-objects // PER_PAGE) * latency / 1000, bench.floor(objects))
    bench.report.add(f"{name}/{tool}", run.seconds, "s", floor, "longer of both", most=most)
    report_counts(bench, f"{name}/{tool}", [run], objects)


def first(bench):
    """cp and tar read all names before they read a file: after a remount, and after the first mount of all."""
    objects = bench.settings.objects
    for tool in ("cp", "tar"):
        with left_behind(bench, bench.secrets(objects), list_all) as (vault, home):
            with bench.mount(vault, bench.rate(), home=home) as mount:
                report_first(bench, "first/remount", tool, vault, mount, 1.2)
        for name, options in (("first/archivers", ("archivers=cp:tar",)), ("first/plain", ())):
            with bench.vault(bench.secrets(objects)) as vault:
                with bench.mount(vault, bench.rate(), *options) as mount:
                    report_first(bench, name, tool, vault, mount, 1.35 if options else None)


def exclude(bench):
    """A program that reads a selection: little is fetched that it does not read."""
    objects = bench.settings.objects
    for name, options in (("exclude/archivers", ("archivers=tar",)), ("exclude/plain", ())):
        with bench.vault(bench.secrets(objects)) as vault, bench.mount(vault, bench.rate(), *options) as mount:
            names = mount.names("secrets")
            picked = set(names[:: objects // PICKED][:PICKED])
            left_out = bench.folder("list") / "exclude"
            left_out.write_text("".join(f"secrets/{n}\n" for n in names if n not in picked), encoding="utf-8")
            vault.reset()
            harness.ok("tar", "-c", "-f", bench.folder("archive") / "archive.tar", "-X", left_out, "-C", mount.path,
                       "secrets", seconds=600)
            bench.report.add(name, backups(vault) - len(picked), "objects", most=UNREAD if options else None,
                             is_count=True)


def memory(bench):
    """What a very large vault's names take."""
    objects = MANY_LISTED if bench.settings.many >= 25000 else 10 * bench.settings.many
    with bench.vault(bench.secrets(objects), latency=0, limit="none") as vault:
        with bench.mount(vault, "rate=3000", seconds=120) as mount:
            assert list_all(mount, seconds=1800)[0] == objects
            bench.report.add("memory/resident", resident_mb(mount.process.pid), "MB", RESIDENT_MB * objects / MANY_LISTED,
                             "MB", most=1, is_count=objects == MANY_LISTED)


FIGURES = {"remount": remount, "hour": hour, "first": first, "exclude": exclude, "memory": memory}
