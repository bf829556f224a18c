"""The process: signals, the start in the background, and where secrets are."""
import contextlib
import os
import pathlib
import pty
import signal
import subprocess
import time

import pytest

from harness import KVFS, Mount, Process, environment, eventually, is_mounted, ok, run

LEFT_ALONE = ["XFSZ", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PIPE", "PWR", "STKFLT", "RTMIN", "RTMAX"]


def processes(point):
    """The processes of kvfs that have this mount point."""
    return [int(x) for x in run("pgrep", "-f", "--", f"{point}$").out.split()]


@pytest.fixture
def background(vault, tmp_path):
    """A start in the background that waits, because the vault does not answer its lists, or not yet."""
    point = tmp_path / "point"
    point.mkdir()
    started = []

    def go(*program, env=None, options=(), **fault):
        vault.fault(operation="list", **(fault or {"action": "stall"}))
        argv = [*program, KVFS, "-o", f"cacert={vault.ca}", *options, vault.url, point]
        started.append(Process(argv, tmp_path, "kvfs", env=environment(vault, **(env or {}))))
        eventually(lambda: vault.stats()["in_flight"] > 0, "the first request")
        assert len(processes(point)) == 2
        return started[-1]

    go.point = point
    yield go
    vault.clear()
    for process in started:
        process.kill()
    for pid in processes(point):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if is_mounted(point):
        run("fusermount3", "-uz", point)


# Signals.

def test_signals_that_mean_nothing_here_leave_the_mount_alone(vault, mount):
    m = mount(vault)
    for name in LEFT_ALONE:
        number = getattr(signal, f"SIG{name}")
        m.process.child.send_signal(number)
    for kind in ("keys", "secrets"):
        for name in m.names(kind):
            assert ok("cat", m / kind / name, text=False)
    m.unmount()


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "XCPU"])
def test_a_signal_that_means_the_end_unmounts(vault, mount, name):
    mount(vault).unmount(getattr(signal, f"SIG{name}"))


def test_a_limit_of_file_size_fails_no_read(vault, tmp_path):
    argv = ["-o", f"cacert={vault.ca}", "-o", "cache=disk", "-o", "cache_size=1K", vault.url]
    env = environment(vault, XDG_CACHE_HOME=tmp_path / "cache")
    m = Mount(tmp_path / "mount", argv, env, program=["prlimit", "--fsize=4096"])
    try:
        m.wait_until_mounted()
        for name in m.names("secrets"):
            assert ok("cat", m / "secrets" / name, text=False)
        m.process.child.send_signal(signal.SIGTERM)
        assert m.process.wait() == 0
    finally:
        m.discard()


def test_hangup_reads_the_secret_again(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=4", options=["--token-life", "2"])
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(vault.secret)
    m = mount(vault, f"client_secret_file={file}", "timeout=5", env={"AZURE_CLIENT_SECRET": None})
    names = [f"{name}.blob" for name in vault.list("secrets")]
    assert ok("cat", m / "secrets" / names[0], text=False)
    file.write_text("no-longer-right")
    m.process.child.send_signal(signal.SIGHUP)
    m.line(event="reloaded")
    # The token that there is serves until its end; then the credential is refused, and left alone for 30 s.
    fresh = iter(names[1:])
    eventually(lambda: run("cat", m / "secrets" / names[1]).code == 1 or next(fresh, None) is None, "a refusal")
    time_before = time.monotonic()
    file.write_text(vault.secret)
    m.process.child.send_signal(signal.SIGHUP)
    eventually(lambda: len(m.lines(event="reloaded")) == 2, "the second reload")
    assert ok("cat", m / "secrets" / names[3], text=False)
    assert time.monotonic() - time_before < 20


def test_a_secret_that_cannot_be_read_again_leaves_the_old_one(vault, mount, tmp_path):
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(vault.secret)
    m = mount(vault, f"client_secret_file={file}", env={"AZURE_CLIENT_SECRET": None})
    file.unlink()
    m.process.child.send_signal(signal.SIGHUP)
    assert str(file) in m.line(event="reloaded")["why"]
    assert ok("cat", m / "secrets" / m.names("secrets")[0], text=False)


def test_in_the_foreground_of_a_terminal_hangup_ends_the_mount(vault, tmp_path):
    point = tmp_path / "point"
    point.mkdir()
    argv = ["setsid", "--ctty", KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, str(point)]
    master, slave = pty.openpty()
    child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=environment(vault))
    os.close(slave)
    try:
        eventually(lambda: is_mounted(point), "the mount")
        os.close(master)
        assert child.wait(20) == 0
        assert not is_mounted(point)
    finally:
        child.kill()
        child.wait()
        if is_mounted(point):
            run("fusermount3", "-uz", point)


def test_under_nohup_hangup_does_not_end_it(vault, tmp_path):
    m = Mount(tmp_path / "mount", ["-o", f"cacert={vault.ca}", vault.url], environment(vault), program=["nohup"])
    m.allowed = ["^nohup: "]
    try:
        m.wait_until_mounted()
        m.process.child.send_signal(signal.SIGHUP)
        m.line(event="reloaded")
        assert ok("ls", m.path)
        m.unmount(signal.SIGTERM)
    finally:
        m.discard()


def test_an_interrupt_that_the_caller_ignores_is_ignored(vault, tmp_path):
    m = Mount(tmp_path / "mount", ["-o", f"cacert={vault.ca}", vault.url], environment(vault),
              program=["env", "--ignore-signal=INT"])
    try:
        m.wait_until_mounted()
        m.process.child.send_signal(signal.SIGINT)
        assert ok("ls", m.path)
        m.process.child.send_signal(signal.SIGTERM)
        assert m.process.wait() == 0
    finally:
        m.discard()


# The start in the background.

@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "HUP"])
def test_a_start_whose_caller_ends_it_never_mounts(background, name):
    process = background(delay_ms=20000)
    process.child.send_signal(getattr(signal, f"SIG{name}"))
    assert process.wait() != 0
    eventually(lambda: not processes(background.point), "the end of the child")
    assert not is_mounted(background.point)


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT"])
def test_a_start_that_a_signal_ends_is_a_failure(background, name):
    process = background()
    child = next(pid for pid in processes(background.point) if pid != process.pid)
    os.kill(child, getattr(signal, f"SIG{name}"))
    assert process.wait() == 1
    assert "signal" in process.err
    assert not processes(background.point) and not is_mounted(background.point)


def test_until_the_mount_it_is_in_the_group_of_the_caller_and_then_in_a_session_of_its_own(vault, background):
    process = background(delay_ms=4000)
    child = next(pid for pid in processes(background.point) if pid != process.pid)
    assert os.getpgid(child) == os.getpgid(process.pid)
    assert process.wait(30) == 0
    assert os.getsid(child) == child
    ok("fusermount3", "-u", background.point)
    eventually(lambda: not processes(background.point), "the end of kvfs")


# Secrets.

def test_while_it_starts_no_process_of_it_shows_a_secret_or_may_dump_core(vault, background):
    background()
    for pid in processes(background.point):
        proc = pathlib.Path(f"/proc/{pid}")
        assert vault.secret.encode() not in (proc / "environ").read_bytes()
        limit = next(x for x in (proc / "limits").read_text().splitlines() if x.startswith("Max core file size"))
        assert limit.split()[4:6] == ["0", "0"]


def test_the_keys_of_its_connections_are_written_nowhere(vault, mount, tmp_path):
    m = mount(vault, env={"SSLKEYLOGFILE": tmp_path / "keys.log"})
    assert ok("cat", m / "secrets" / m.names("secrets")[0], text=False)
    assert not (tmp_path / "keys.log").exists()


def test_what_the_end_of_the_mount_leaves_undecided_is_in_the_log(vaults, mount, tmp_path):
    vault = vaults("first", "second", seed="secrets=2,vault=first")
    blobs = [tmp_path / f"{name}.blob" for name in vault.list("secrets", "first")]
    for blob in blobs:
        blob.write_bytes(vault.backup("secrets", blob.stem, "first"))
    m = mount(vault, name="second")
    vault.fault(operation="restore", action="stall")
    cp = Process(["cp", blobs[0], m / "restore/secrets/"], tmp_path, "cp")
    eventually(lambda: vault.stats("second")["restores_seen"] == 1, "the restore is under way")
    writer = Process(["bash", "-c", f"exec 3>{m.path}/restore/secrets/{blobs[1].name}; cat {blobs[1]} >&3; sleep 60"],
                     tmp_path, "writer")
    staged = m / f"restore/secrets/.{blobs[1].name}.aB3dE9"
    ok("cp", blobs[1], staged)
    m.process.child.send_signal(signal.SIGTERM)
    assert m.process.wait(30) == 0
    assert cp.wait() == 1
    writer.kill()
    assert "may have been restored" in m.line(op="restore", file=blobs[0].name, errno="EIO").text
    assert "nothing was restored" in m.line(op="restore", file=staged.name, errno="EIO").text
    assert int(m.line(event="unmounted")["failed"]) >= 2
    m.is_ended = True


def test_a_fifo_as_cacert_is_refused(vault, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "mnt").mkdir()
    result = run(KVFS, "-o", f"cacert={fifo}", vault.url, tmp_path / "mnt", env=environment(vault), seconds=20)
    assert result.code == 1 and "not a regular file" in result.err
