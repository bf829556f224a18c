"""Bad weather: nothing hangs, nothing is lost, nobody else is disturbed, and the end is clean."""
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from harness import (KVFS, PRIVATE_MOUNTS, Mount, TYPES, Process, environment, errno_of, eventually, fails, is_mounted,
                     listed_again, needs_private_mounts, ok, run, tree)


def archive_all(m, directory):
    ok("rsync", "-a", *[m / kind for kind in TYPES], directory, seconds=110)
    return tree(directory)


@pytest.mark.parametrize("fault", [
    dict(status=503, share=0.2), dict(status=500, share=0.2), dict(status=429, share=0.1),
    dict(status=429, share=0.1, retry_after=1), dict(status=408, share=0.1), dict(action="reset", share=0.1),
    dict(action="close", share=0.1), dict(action="truncate", share=0.1), dict(delay_ms=300, share=0.3)],
    ids=lambda f: "-".join(f"{k}{v}" for k, v in f.items()))
def test_passing_faults_lose_nothing(vaults, mount, tmp_path, fault):
    vault = vaults("first", seed="keys=6,secrets=30,certificates=4")
    m = mount(vault, rate=None)
    vault.fault(**fault)
    copied = archive_all(m, tmp_path / "copy")
    vault.clear()
    assert {x.removesuffix(".blob") for x in copied} == {f"{k}/{n}" for k in TYPES for n in vault.list(k)}
    for path, blob in copied.items():
        assert len(blob) == len(vault.backup(*path.removesuffix(".blob").split("/")))
    m.unmount()


@pytest.mark.parametrize("fault", [dict(action="truncate"), dict(action="reset"), dict(action="garbage")])
def test_a_body_that_is_cut_is_never_a_blob(vault, mount, fault):
    m = mount(vault, "timeout=3")
    name = m.names("secrets")[0]
    vault.fault(operation="backup", **fault)
    assert errno_of("read", m / "secrets" / name) != "0"
    result = run("cat", m / "secrets" / name)
    assert result.code == 1 and result.out == ""


def test_a_token_that_expires_in_the_middle_is_renewed_without_an_error(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=40", options=["--token-life", "2", "--latency", "50"])
    m = mount(vault, rate=20)
    copied = archive_all(m, tmp_path / "copy")
    assert len(copied) == 40
    assert vault.count("token", 200) >= 2
    assert not [x for x in m.lines() if x.get("errno", "0") != "0"]


def test_a_token_that_the_vault_refuses_suddenly_is_renewed_once(vault, mount, tmp_path):
    m = mount(vault)
    count = sum(len(vault.list(kind)) for kind in TYPES)
    tokens = vault.count("token")
    vault.fault(operation="backup", status=401, code="Unauthorized", count=1)
    assert len(archive_all(m, tmp_path / "copy")) == count
    assert vault.count("token") == tokens + 1


def test_the_rate_is_kept(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=60", options=["--limit", "200"])
    m = mount(vault, rate=15)
    start = time.monotonic()
    archive_all(m, tmp_path / "copy")
    assert time.monotonic() - start >= (60 - 15) / 15 * 0.8
    assert vault.stats()["throttled"] == 0


def test_no_more_than_max_inflight_requests_are_under_way(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=40", options=["--latency", "100"])
    m = mount(vault, "max_inflight=3")
    vault.reset()
    ok(shell=f"ls {m.path}/secrets/*.blob | xargs -P20 -n1 cat >/dev/null")
    assert vault.stats()["max_in_flight"] <= 3


def test_a_limit_that_is_hit_is_backed_off_from(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=50", options=["--limit", "40"])
    m = mount(vault, rate=None)
    assert len(archive_all(m, tmp_path / "copy")) == 50
    assert vault.stats()["throttled"] > 0
    m.unmount()


# Somebody waits, and gives up.

def hanging(vault, m, name, tool="cat"):
    """A tool that hangs on a backup that never ends."""
    vault.fault(operation="backup", name=name, action="stall")
    child = subprocess.Popen([tool, str(m / "secrets" / f"{name}.blob")], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    eventually(lambda: vault.stats()["in_flight"] > 0, "the request is under way")
    return child


def test_64_reads_that_hang_stop_nobody_else(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=200")
    m = mount(vault, "prefetch=0")
    names = m.names("secrets")
    vault.fault(operation="backup", action="stall", count=64)
    children = [subprocess.Popen(["cat", str(m / "secrets" / name)], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for name in names[:64]]
    try:
        eventually(lambda: vault.stats()["in_flight"] == 64, "64 requests hang")
        for name in names[64:]:
            assert os.stat(m / "secrets" / name).st_size > 0
        assert vault.stats()["in_flight"] == 64
        assert all(child.poll() is None for child in children)
    finally:
        for child in children:
            child.kill()
            child.wait()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_a_fatal_signal_ends_a_hanging_read_at_once(vault, mount, sig):
    m = mount(vault)
    child = hanging(vault, m, vault.list("secrets")[0])
    try:
        child.send_signal(sig)
        assert child.wait(5) == -sig
    finally:
        child.kill()
        child.wait()


def read_with_alarms(vault, m, call):
    """While the answer takes 2.5 s; each second there is a signal."""
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, delay_ms=2500, count=1)
    script = f"$SIG{{ALRM}} = sub {{ $n++; alarm 1 }}; alarm 1; $f = $ARGV[0]; ({call}) or die $!; $n or die 'no alarm'"
    ok("perl", "-e", script, m / "secrets" / f"{name}.blob")
    assert vault.count("backup") == 1
    assert not m.lines(errno="EINTR")


@pytest.mark.parametrize("call", ["@s = stat($f)", "open(F, '<', $f) && sysread(F, $x, 100) == 100"])
def test_an_alarm_disturbs_nobody(vault, mount, call):
    read_with_alarms(vault, mount(vault), call)


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_a_program_outside_of_the_pid_namespace_of_kvfs_survives_alarms_and_can_be_killed(vault, tmp_path):
    """As with kvfs in a container whose mounts are propagated to the host."""
    m = Mount(tmp_path / "mount", ["-o", f"cacert={vault.ca}", vault.url], environment(vault),
              program=["unshare", "--pid", "--fork", "--kill-child"])
    try:
        m.wait_until_mounted()
        read_with_alarms(vault, m, "@s = stat($f)")
        child = hanging(vault, m, vault.list("secrets")[1])
        child.terminate()
        assert child.wait(20) == -signal.SIGTERM
    finally:
        m.discard()


def test_others_are_served_while_twenty_reads_hang(vaults, mount):
    vault = vaults("first", seed="secrets=30,keys=3")
    m = mount(vault)
    ok("ls", m / "secrets")
    names = vault.list("secrets")
    for name in names[:20]:
        vault.fault(operation="backup", name=name, action="stall")
    children = [subprocess.Popen(["cat", str(m / "secrets" / f"{name}.blob")], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for name in names[:20]]
    try:
        eventually(lambda: vault.stats()["in_flight"] >= 20, "twenty hang", 20)
        for argv in (["ls", m / "secrets"], ["ls", m / "keys"], ["stat", m / "secrets"]):
            assert run(*argv, seconds=5).code == 0
        result = run("cat", m / "secrets" / f"{names[25]}.blob", seconds=10)
        assert result.code == 0
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_reader_that_gave_up_does_not_cost_the_next_one_a_second_backup(vault, mount):
    name = vault.list("secrets")[0]
    m = mount(vault)
    vault.reset()
    vault.fault(operation="backup", name=name, delay_ms=1000, count=1)
    child = subprocess.Popen(["cat", str(m / "secrets" / f"{name}.blob")], stdout=subprocess.DEVNULL)
    eventually(lambda: vault.stats()["in_flight"] > 0, "the request is under way")
    child.kill()
    child.wait()
    assert ok("cat", m / "secrets" / f"{name}.blob", text=False)
    assert vault.count("backup") == 1


def test_a_time_out_is_etimedout(vault, mount):
    name = vault.list("secrets")[0]
    m = mount(vault, "timeout=2")
    vault.fault(operation="backup", name=name, action="stall")
    start = time.monotonic()
    assert errno_of("open", m / "secrets" / f"{name}.blob") == "ETIMEDOUT"
    assert 1.5 < time.monotonic() - start < 10


# The network is gone.

def test_a_vault_that_goes_away_is_an_error_not_an_empty_vault(vaults, mount):
    vault = vaults("first", seed="keys=3")
    m = mount(vault, "list_ttl=1", "timeout=2")
    name = m.names("keys")[0]
    vault.process.kill()
    error = listed_again(lambda: {errno_of("list", m / "keys")} - {"0"}, "the failure").pop()
    assert error in ("ECONNREFUSED", "EIO", "ETIMEDOUT", "EHOSTUNREACH")
    assert errno_of("open", m / "keys" / name) not in ("0", "ENOENT")
    m.unmount()


SILENT = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("bound", flush=True)
while True:
    s.recvfrom(4096)
"""


@pytest.fixture
def names(tmp_path, watchdog):
    """A command that runs another one where names are known to `hosts` or asked of a server that never answers."""
    if os.geteuid() != 0:
        pytest.skip("a name server of one's own needs root (port 53, a private /etc/resolv.conf)")
    pid = os.getpid()
    address = f"127.{pid >> 16 & 0x7f}.{pid >> 8 & 0xff}.{pid & 0xff}"
    needs_private_mounts()
    server = Process(["/usr/bin/python3", "-c", SILENT, address], tmp_path, "dns")
    watchdog.processes.append(server)
    try:
        eventually(lambda: "bound" in server.out or not server.is_running(), "the silent name server")
        if not server.is_running():
            pytest.skip(f"{address} port 53 is taken")
        (tmp_path / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n")
        (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
        (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
        inner = (f"cd {tmp_path} && for f in resolv.conf nsswitch.conf hosts; do mount --bind $f /etc/$f || exit 99; done;"
                 ' exec "$@"')
        # The mount of kvfs must be seen here: what is above its directory stays shared, if it is.
        wrap = (*PRIVATE_MOUNTS, "sh", "-c", inner, "sh")
        if run(*wrap, "true").code != 0:
            pytest.skip("this machine lets nobody have an /etc/resolv.conf of their own")
        yield wrap
    finally:
        server.kill()


def test_a_name_server_that_never_answers_ends_the_start_with_a_sentence(vaults, names, tmp_path):
    vault = vaults("first", options=["--suffix", "vault.test"])
    point = tmp_path / "mnt"
    point.mkdir()
    result = run(*names, KVFS, "-o", f"cacert={vault.ca}", vault.url, point, env=environment(vault), seconds=40)
    assert result.code == 1 and len(result.err.splitlines()) == 1 and "first.vault.test" in result.err, result
    assert "the DNS server does not answer" in result.err, result
    assert result.seconds < 17


def test_a_name_server_that_never_answers_does_not_hold_up_a_signal(vaults, names, tmp_path):
    vault = vaults("first", options=["--suffix", "vault.test"])
    point = tmp_path / "mnt"
    point.mkdir()
    child = Process([*names, KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, point], tmp_path, "kvfs",
                    env=environment(vault))
    try:
        # Its resolver thread is there: it waits for the answer.
        eventually(lambda: len(os.listdir(f"/proc/{child.pid}/task")) > 1, "the look-up")
        child.child.send_signal(signal.SIGTERM)
        assert child.wait(4) != 0
    finally:
        child.kill()


INSIDE = """
import os, subprocess, sys, time
hosts, url, point, known, other, argv = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6:]
kvfs = subprocess.Popen([*argv, url, point])
try:
    end = time.monotonic() + 30
    while not os.path.ismount(point):
        assert kvfs.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    open(f"{point}/secrets/{known}.blob", "rb").read()
    names = os.listdir(f"{point}/keys")
    print("mounted", flush=True)
    sys.stdin.readline()
    slow = subprocess.Popen(["cat", f"{point}/secrets/{other}.blob"], stdout=subprocess.DEVNULL)
    worst, end = 0, time.monotonic() + 4
    while time.monotonic() < end:
        start = time.monotonic()
        assert os.listdir(f"{point}/keys") == names
        open(f"{point}/secrets/{known}.blob", "rb").read()
        os.stat(f"{point}/restore")
        worst = max(worst, time.monotonic() - start)
        time.sleep(0.05)
    print("waiting" if slow.poll() is None else "answered", worst, flush=True)
    slow.kill()
    slow.wait()
    start = time.monotonic()
    kvfs.terminate()
    kvfs.wait()
    print("ended", kvfs.returncode, time.monotonic() - start, flush=True)
finally:
    if kvfs.poll() is None:
        kvfs.kill()
    subprocess.run(["fusermount3", "-uz", point], capture_output=True)
"""


@pytest.mark.seconds(200)
@pytest.mark.skipif("sanitize" in KVFS, reason="takes a minute, and is tested without sanitizers")
def test_a_name_server_that_never_answers_does_not_stop_the_loop(vaults, names, tmp_path, watchdog):
    vault = vaults("first", seed="keys=2,secrets=2", options=["--suffix", "vault.test"])
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost first.vault.test\n")
    point = tmp_path / "mnt"
    point.mkdir()
    known, other = vault.list("secrets")
    child = subprocess.Popen(
        [*names, "/usr/bin/python3", "-c", INSIDE, hosts, vault.url, point, known, other,
         KVFS, "-f", "-o", f"cacert={vault.ca},list_ttl=3600"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(vault))
    try:
        assert child.stdout.readline() == "mounted\n"
        hosts.write_text("127.0.0.1 localhost\n")
        # libcurl keeps addresses for 60 s, and the connection must be a new one.
        vault.fault(action="close")
        end = time.monotonic() + 62
        eventually(lambda: time.monotonic() > end, "the address is forgotten", 90)
        child.stdin.write("go\n")
        child.stdin.flush()
        state, worst = child.stdout.readline().split()
        assert state == "waiting" and float(worst) < 4
        _, status, seconds = child.stdout.readline().split()
        assert status == "0" and float(seconds) < 5
    finally:
        child.kill()
        child.communicate()


# The end.

@pytest.mark.parametrize("how", ["fusermount3", signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_ends_cleanly(vault, mount, how):
    m = mount(vault)
    ok("cat", m / "keys" / m.names("keys")[0], text=False)
    m.unmount(how)
    assert m.lines()[-1].get("backed_up") == "1" or "backed" in m.lines()[-1].text


def test_sigterm_while_a_read_hangs_answers_it_and_ends(vault, mount):
    m = mount(vault)
    child = hanging(vault, m, vault.list("secrets")[0])
    try:
        m.unmount(signal.SIGTERM)
        assert child.wait(10) == 1
    finally:
        child.kill()
        child.wait()


def test_sigterm_lets_a_restore_that_was_sent_finish(vaults, mount, tmp_path):
    vault = vaults("first", "second", seed="keys=1,vault=first")
    name = vault.list("keys", "first")[0]
    (tmp_path / "blob").write_bytes(vault.backup("keys", name, "first"))
    m = mount(vault, name="second")
    ok("mkdir", "-p", m / "restore/keys")
    vault.fault(operation="restore", delay_ms=5000, count=1)
    child = subprocess.Popen(["cp", str(tmp_path / "blob"), str(m / "restore/keys/x.blob")], stderr=subprocess.PIPE)
    try:
        eventually(lambda: vault.stats("second")["in_flight"] > 0, "the restore is under way")
        m.unmount(signal.SIGTERM)
        assert child.wait(15) == 0, child.stderr.read()
    finally:
        child.kill()
        child.communicate()
    assert vault.list("keys", "second") == [name]


def test_an_unmount_of_a_mount_in_use_is_refused_and_works_later(vault, mount):
    m = mount(vault)
    with subprocess.Popen(["sleep", "100"], cwd=m / "keys") as child:
        result = fails("fusermount3", "-u", m.path)
        assert "busy" in result.err
        child.kill()
        child.wait()
    m.unmount()


def test_a_killed_daemon_leaves_a_mount_that_can_be_taken_away(vault, mount):
    m = mount(vault)
    m.process.kill()
    assert errno_of("list", m / "keys") == "ENOTCONN"
    ok("fusermount3", "-u", m.path)
    m.is_ended = True
    assert not is_mounted(m.path)


def test_it_does_not_grow_by_reading(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=100")
    m = mount(vault, "cache_size=100000", "list_ttl=1")

    def resident():
        for line in pathlib.Path(f"/proc/{m.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    for _ in range(3):
        ok(shell=f"cat {m.path}/secrets/*.blob >/dev/null")
    if "sanitize" not in KVFS:
        before = resident()
        for _ in range(10):
            ok(shell=f"cat {m.path}/secrets/*.blob >/dev/null")
        assert resident() - before < 4000


def test_many_readers_and_a_lister_at_once(vaults, mount):
    vault = vaults("first", seed="secrets=150")
    m = mount(vault, "list_ttl=1")
    errors = []

    def work(script):
        result = run(shell=script, seconds=100)
        if result.code != 0:
            errors.append(result)

    threads = [threading.Thread(target=work, args=(f"cat {m.path}/secrets/*.blob | wc -c",)) for _ in range(6)]
    threads += [threading.Thread(target=work, args=(f"for i in 1 2 3 4 5 6 7 8; do ls -l {m.path}/secrets; done",))]
    threads += [threading.Thread(target=work, args=(f"tar -C {m.path} -c secrets | tar -t",))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    assert max(vault.stats()["backups"].values()) == 1
    m.unmount()


def test_no_core_is_ever_dumped(vault, mount):
    m = mount(vault)
    limits = pathlib.Path(f"/proc/{m.process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


@pytest.mark.skipif("sanitize" in KVFS, reason="libfuse then keeps its copy of the path, which is a leak to a sanitizer")
def test_what_somebody_else_has_mounted_there_since_is_left_alone(vault, mount):
    m = mount(vault)
    held = Process(["sleep", "60"], m.directory, "held", cwd=m / "secrets")
    ok("umount", "-l", m.path)
    ok("mount", "-t", "tmpfs", "other", m.path)
    try:
        m.process.child.send_signal(signal.SIGTERM)
        assert m.process.wait() == 0
        assert "left alone" in m.process.err
        assert "other" in ok("findmnt", "-n", "-o", "SOURCE", m.path)
    finally:
        held.kill()
        ok("umount", m.path)
    m.is_ended = True


def test_a_mount_point_with_a_blank_is_unmounted(vault, tmp_path, watchdog):
    folder = tmp_path / "a blank"
    folder.mkdir()
    args = ["-o", f"cacert={vault.ca}", "-o", "rate=400", vault.url]
    m = Mount(folder, args, environment(vault, XDG_CACHE_HOME=tmp_path / "cache"))
    watchdog.processes.append(m.process)
    m.wait_until_mounted()
    m.unmount(signal.SIGTERM)
    assert not is_mounted(m.path)
