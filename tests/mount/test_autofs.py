"""automount(8) mounts when somebody comes along, and unmounts when nobody has for a while."""
import contextlib
import os
import shutil
import signal

import pytest

from harness import KVFS, Process, environment, eventually, ok, run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="automount needs root"),
    pytest.mark.skipif(not shutil.which("automount"), reason="automount (Debian's autofs) is not installed"),
    pytest.mark.skipif(not os.path.exists("/dev/autofs"), reason="the kernel has no autofs"),
]


def mounts_of_type(kind, below):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        rows = [line.split() for line in mounts]
    return [row[1] for row in rows if row[2] == kind and row[1].startswith(str(below))]


@pytest.fixture
def automount(vault, tmp_path):
    """automount with a direct map, tmp_path/direct, and an indirect one, tmp_path/auto/vault."""
    kvfs = tmp_path / "kvfs"
    kvfs.symlink_to(os.path.abspath(KVFS))
    options = f"-fstype=fuse.{kvfs},cacert={vault.ca},rate=400"
    where = ":" + vault.url.replace(":", "\\:")
    (tmp_path / "map.direct").write_text(f"{tmp_path}/direct {options} {where}\n")
    (tmp_path / "map.indirect").write_text(f"vault {options} {where}\n")
    (tmp_path / "master").write_text(f"/- {tmp_path}/map.direct --timeout=5\n"
                                     f"{tmp_path}/auto {tmp_path}/map.indirect --timeout=5\n")
    (tmp_path / "direct").mkdir()
    process = Process(["automount", "--foreground", "--verbose", "--dont-check-daemon", "--pid-file",
                       tmp_path / "pid", tmp_path / "master"], tmp_path, "automount", env=environment(vault))
    eventually(lambda: len(mounts_of_type("autofs", tmp_path)) == 2, f"automount's traps:\n{process.err}")
    yield process
    for path in mounts_of_type("fuse.kvfs", tmp_path):
        run("umount", "-l", path)
    process.child.send_signal(signal.SIGTERM)
    with contextlib.suppress(AssertionError):
        process.wait(10)
    process.kill()
    for pid in run("pgrep", "-f", "--", f"{kvfs} .*{tmp_path}").out.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    for path in reversed(mounts_of_type("fuse.kvfs", tmp_path) + mounts_of_type("autofs", tmp_path)):
        run("umount", "-l", path)


@pytest.mark.parametrize("path", ["direct", "auto/vault"])
def test_the_first_look_mounts_and_it_is_unmounted_when_nobody_looks(vault, automount, tmp_path, path):
    point = tmp_path / path
    names = vault.list("secrets")
    for _ in range(2):
        assert ok("ls", point / "secrets", seconds=30).split() == [f"{name}.blob" for name in names]
        assert mounts_of_type("fuse.kvfs", tmp_path) == [str(point)]
        eventually(lambda: not mounts_of_type("fuse.kvfs", tmp_path), f"the unmount:\n{automount.err}", 40)
        eventually(lambda: not run("pgrep", "-f", "--", f"kvfs .*{point}").out, "the end of kvfs")


@pytest.mark.parametrize("path", ["direct", "auto/vault"])
def test_a_start_that_fails_is_an_error_of_who_looked(vault, automount, tmp_path, path):
    vault.fault(operation="list", status=403, code="Forbidden")
    result = run("ls", tmp_path / path / "secrets", seconds=30)
    assert result.code != 0
    assert not mounts_of_type("fuse.kvfs", tmp_path)
    vault.clear()


@pytest.mark.parametrize("path", ["direct", "auto/vault"])
def test_kvfs_that_is_told_to_end_goes_and_the_next_look_mounts_again(vault, automount, tmp_path, path):
    point = tmp_path / path
    ok("ls", point / "secrets", seconds=30)
    pid = int(ok("pgrep", "-f", "--", f"kvfs .*{point}").split()[0])
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the end of kvfs")
    assert ok("ls", point / "secrets", seconds=30)
