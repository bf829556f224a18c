"""The end of a mount: kvfs umount, and what a start does with a mount whose kvfs was killed."""
import contextlib
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import KVFS, Process, environment, errno_of, eventually, is_mounted, ok, run

NOBODY = pwd.getpwnam("nobody").pw_uid
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")


def mounts_on(path):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return [line.split()[2] for line in mounts if line.split()[1] == str(path)]


def pid_of(path):
    return [int(pid) for pid in run("pgrep", "-f", "--", f"kvfs .*{path}$").out.split()]


@pytest.fixture
def start(vault, tmp_path):
    """Start kvfs as a person does, in the background, on tmp_path/point."""
    point = tmp_path / "point"
    point.mkdir()

    def go(*argv, where=point, env=None, **kwargs):
        return run(KVFS, "-o", f"cacert={vault.ca},rate=400", *argv, vault.url, where,
                   env=environment(vault, **(env or {})), **kwargs)

    go.point = point
    yield go
    for pid in pid_of(point):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while is_mounted(point):
        ok("fusermount3", "-uz", point)


@pytest.fixture
def dead(start):
    """tmp_path/point with a dead mount on it."""
    assert start().code == 0
    ok("ls", start.point)
    kill(start.point)
    return start.point


def kill(point):
    (pid,) = pid_of(point)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not pid_of(point), "the end of kvfs")
    eventually(lambda: run("stat", "-f", point).code != 0, "the end of the connection")
    assert mounts_on(point) == ["fuse.kvfs"]


# kvfs umount.

def test_umount_unmounts(start):
    assert start().code == 0
    result = run(KVFS, "umount", start.point)
    assert (result.code, result.out, result.err) == (0, "", ""), result
    assert not is_mounted(start.point)
    eventually(lambda: not pid_of(start.point), "the end of kvfs")


def test_mount_is_a_word_that_changes_nothing(vault, start):
    ok(KVFS, "mount", "-o", f"cacert={vault.ca}", vault.url, start.point, env=environment(vault))
    ok(KVFS, "umount", start.point)
    result = run(KVFS, "mount", env=environment(vault))
    assert result.code == 1 and "no vault and no mount point" in result.err, result


def test_what_uses_the_mount_is_named(start):
    assert start().code == 0
    sleep = subprocess.Popen(["sleep", "1000"], cwd=start.point)
    with open(start.point / ".kvfs" / "status", encoding="utf-8"):
        result = run(KVFS, "umount", start.point)
    sleep.kill()
    sleep.wait()
    assert result.code == 1 and result.err.count("\n") == 1, result
    assert f"{start.point} is busy: " in result.err
    assert f"sleep ({sleep.pid}, works in it)" in result.err
    assert f"({os.getpid()})" in result.err
    assert is_mounted(start.point)
    ok(KVFS, "umount", start.point)


@needs_root
def test_a_mount_in_the_mount_is_named(start):
    assert start().code == 0
    ok("mount", "-t", "tmpfs", "none", start.point / "keys")
    result = run(KVFS, "umount", start.point)
    ok("umount", start.point / "keys")
    assert result.code == 1 and f"is busy: a mount on {start.point}/keys" in result.err, result


def test_a_dead_and_a_stopped_mount_are_unmounted(start, dead):
    ok(KVFS, "umount", dead, seconds=20)
    assert mounts_on(dead) == []
    assert start().code == 0
    (pid,) = pid_of(start.point)
    os.kill(pid, signal.SIGSTOP)
    ok(KVFS, "umount", start.point, seconds=20)
    assert mounts_on(start.point) == []
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: not pid_of(start.point), "the end of kvfs")


def test_what_is_no_mount_of_kvfs_is_left_alone(start, tmp_path):
    result = run(KVFS, "umount", start.point)
    assert result.code == 1 and result.err == f"kvfs: nothing is mounted on {start.point}\n", result
    result = run(KVFS, "umount", tmp_path / "nowhere")
    assert result.code == 1 and result.err == f"kvfs: {tmp_path}/nowhere: No such file or directory\n", result
    result = run(KVFS, "umount", "/proc")
    assert result.code == 1 and result.err == "kvfs: /proc is a mount of proc, not of kvfs: umount /proc\n", result
    for argv, says in (([], "no mount point is given"), (["-x"], "unknown option '-x'"),
                       ([start.point, "-l"], "there is no option '-l': fusermount3 -uz MOUNTPOINT unmounts a busy mount "
                                             "when it is free")):
        result = run(KVFS, "umount", *argv)
        assert result.code == 1, result
        assert result.err == f"kvfs: umount: {says}\nusage: kvfs umount MOUNTPOINT...\n", result


def test_a_folder_of_the_mount_is_not_its_mount_point(start):
    assert start().code == 0
    result = run(KVFS, "umount", start.point / "keys")
    assert result.code == 1 and f"inside of the mount on {start.point}: kvfs umount {start.point}" in result.err, result
    assert is_mounted(start.point)


@needs_root
def test_only_who_mounted_or_root_unmounts(vault):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-umount-"))
    folder.chmod(0o755)
    point = folder / "point"
    point.mkdir()
    shutil.copy(KVFS, folder / "kvfs")
    try:
        ok(KVFS, "-o", f"cacert={vault.ca}", vault.url, point, env=environment(vault))
        result = run(folder / "kvfs", "umount", point, user=NOBODY)
        assert result.code == 1 and "another user's" in result.err, result
        result = run(folder / "kvfs", "myvault", point, user=NOBODY, env={"PATH": os.environ["PATH"], "HOME": "/"})
        assert result.code == 1 and "in use by a kvfs of the user root" in result.err, result
        assert mounts_on(point) == ["fuse.kvfs"]
        ok(KVFS, "umount", point)
    finally:
        run("umount", "-l", point)
        shutil.rmtree(folder)


# Dead mounts.

def test_a_start_clears_a_dead_mount_and_says_so(start, dead):
    result = start()
    assert result.code == 0, result
    assert result.err == f"kvfs: warning: {dead} was a dead mount, whose kvfs was killed: it is unmounted\n"
    assert mounts_on(dead) == ["fuse.kvfs"]
    assert "keys" in ok("ls", dead)


def test_in_the_foreground_the_log_has_it(vault, dead, tmp_path):
    kvfs = Process([KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, dead], tmp_path, "kvfs", env=environment(vault))
    eventually(lambda: "was a dead mount" in kvfs.err, "the line in the log")
    eventually(lambda: run("ls", dead).code == 0, "the mount")
    ok(KVFS, "umount", dead)
    assert kvfs.wait(20) == 0


def test_a_start_that_fails_leaves_the_error_in_place(start, dead):
    result = start(env={"AZURE_CLIENT_SECRET": "wrong"})
    assert result.code == 1 and "dead mount" not in result.err, result
    assert mounts_on(dead) == ["fuse.kvfs"]
    assert errno_of("list", dead) == "ENOTCONN"


def test_a_program_that_works_in_a_dead_mount_does_not_hold_it(start, tmp_path):
    assert start().code == 0
    sleep = Process(["sleep", "1000"], tmp_path, "sleep", cwd=start.point)
    kill(start.point)
    result = start()
    sleep.kill()
    assert result.code == 0 and "was a dead mount" in result.err, result


def test_a_dead_mount_is_found_behind_a_link(start, dead, tmp_path):
    (tmp_path / "link").symlink_to(dead)
    result = start(where=tmp_path / "link")
    assert result.code == 0 and f"{dead} was a dead mount" in result.err, result
    assert mounts_on(dead) == ["fuse.kvfs"]


def test_a_folder_in_a_dead_mount_is_no_mount_point(start, dead):
    result = start(where=dead / "keys")
    assert result.code == 1 and "inside of a dead mount" in result.err, result
    assert mounts_on(dead) == ["fuse.kvfs"]


def test_of_two_starts_on_a_dead_mount_one_mounts(vault, start, dead, tmp_path):
    vault.fault(operation="list", action="delay", delay_ms=300)
    both = [Process([KVFS, "-o", f"cacert={vault.ca},rate=400,cache=none", vault.url, dead], tmp_path, f"start{i}",
                    env=environment(vault)) for i in range(2)]
    codes = sorted(p.wait(30) for p in both)
    assert codes == [0, 1], [p.err for p in both]
    assert "in use by another kvfs" in "".join(p.err for p in both)
    assert mounts_on(dead) == ["fuse.kvfs"]
    vault.clear()
    assert "keys" in ok("ls", dead)


def test_a_stopped_mount_is_not_dead(start):
    assert start().code == 0
    (pid,) = pid_of(start.point)
    os.kill(pid, signal.SIGSTOP)
    result = start("-o", "nonempty", seconds=30)
    os.kill(pid, signal.SIGCONT)
    assert result.code == 1 and "in use by another kvfs" in result.err, result
    assert mounts_on(start.point) == ["fuse.kvfs"]
    assert "keys" in ok("ls", start.point)


@needs_root
def test_a_dead_mount_of_another_user_is_left_alone(vault):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-umount-"))
    folder.chmod(0o755)
    point = folder / "point"
    point.mkdir()
    os.chown(point, NOBODY, NOBODY)
    try:
        other = Process([KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, point], folder, "kvfs", env=environment(vault))
        eventually(lambda: mounts_on(point), f"the mount:\n{other.err}")
        other.kill()
        shutil.copy(KVFS, folder / "kvfs")
        result = run(folder / "kvfs", "-o", "nonempty", "myvault", point, user=NOBODY,
                     env={"PATH": os.environ["PATH"], "HOME": "/"})
        assert result.code == 1 and "in use by a kvfs of the user root" in result.err, result
        assert mounts_on(point) == ["fuse.kvfs"]
    finally:
        run("umount", "-l", point)
        shutil.rmtree(folder)


def test_another_dead_file_system_is_left_alone(start, tmp_path):
    """Only what is called fuse.kvfs: a mount of another program on that directory fails as ever."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount without a program")
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    libc = ctypes.CDLL(None)
    assert libc.mount(b"other", os.fsencode(start.point), b"fuse.other", ctypes.c_ulong(0), options.encode()) == 0
    os.close(device)
    try:
        result = start()
        assert result.code == 1 and "is a dead mount of fuse.other: unmount that first" in result.err, result
        assert mounts_on(start.point) == ["fuse.other"]
    finally:
        ok("umount", "-l", start.point)


# Help.

def test_help_is_a_command(tmp_path):
    assert ok(KVFS, "help") == ok(KVFS, "-h")
    assert ok(KVFS, "help", "umount").startswith("usage: kvfs umount MOUNTPOINT...\n")
    for command in ("umount", "status", "plan", "restore", "verify", "help"):
        assert ok(KVFS, command, "-h") == ok(KVFS, command, "--help") == ok(KVFS, "help", command)
        assert ok(KVFS, command, "x", "-h") == ok(KVFS, "help", command)
    for words in ((), ("wrap",), ("kek",), ("show",)):
        assert ok(KVFS, "byok", *words, "-h").startswith("usage: kvfs byok kek")
    result = run(KVFS, "help", "nosuch")
    assert result.code == 1 and result.err == "kvfs: 'nosuch' is no command (kvfs help lists them)\n", result
