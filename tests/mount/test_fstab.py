"""Lines of /etc/fstab, by the real mount(8)."""
import os

import pytest

from harness import KVFS, environment, is_mounted, ok

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mount(8) with a table of its own needs root")


@pytest.fixture
def fstab(vault, tmp_path):
    """A function that runs mount(8) with a table of one line: options in it, and what mount is told."""
    point = tmp_path / "point"
    point.mkdir()
    # mount(8) looks for helpers in its own PATH, so kvfs is given by its path; "kvfs" alone is the same.
    kvfs = tmp_path / "kvfs"
    kvfs.symlink_to(os.path.abspath(KVFS))

    def go(*argv, options="ro", source=vault.url):
        (tmp_path / "fstab").write_text(f"{source} {point} fuse.{kvfs} {options},cacert={vault.ca} 0 0\n")
        return ok("mount", "-T", tmp_path / "fstab", *argv, env=environment(vault))

    go.point = point
    yield go
    while is_mounted(point):
        ok("umount", "-l", point)


def sources_of(point):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return [line.split()[0] for line in mounts if line.split()[1] == str(point)]


@pytest.mark.parametrize("is_url", [True, False])
def test_mount_a_finds_it_mounted(vault, fstab, is_url):
    source = vault.url if is_url else vault.url.removeprefix("https://")
    fstab("-a", source=source)
    assert ok("ls", fstab.point).split() == ["certificates", "keys", "secrets"]
    assert sources_of(fstab.point) == [source]
    fstab("-a", source=source)
    assert sources_of(fstab.point) == [source]
    ok("umount", fstab.point)


def test_the_source_can_be_named_and_have_a_comma(vault, fstab):
    ok(KVFS, "-o", f"cacert={vault.ca},fsname=my\\,vault", vault.url, fstab.point, env=environment(vault))
    assert sources_of(fstab.point) == ["my,vault"]


def test_a_line_that_was_another_file_systems_works(fstab):
    fstab(fstab.point, options="ro,_netdev,nonempty,subtype=sshfs,default_permissions,max_read=65536,attr_timeout=10,"
                               "lazytime,strictatime,nodiratime,silent,noauto,x-systemd.automount")
    assert ok("ls", fstab.point).split() == ["certificates", "keys", "secrets"]
