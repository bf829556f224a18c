"""kvfs -f as a service of systemd: what it sends to the service manager."""
import contextlib
import os
import re
import signal
import socket

import pytest

from harness import KVFS, environment, eventually, is_mounted, ok, run


def messages(s, seen):
    with contextlib.suppress(BlockingIOError):
        while True:
            seen.append(dict(line.split("=", 1) for line in s.recv(4096).decode().splitlines()))
    return seen


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_is_ready_when_it_serves_and_stops_when_it_ends(vault, mount, tmp_path, is_abstract):
    name = f"@kvfs-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(name.replace("@", "\0"))
        s.setblocking(False)
        seen = []
        m = mount(vault, env={"NOTIFY_SOCKET": name})
        eventually(lambda: messages(s, seen), "READY")
        assert seen[0]["READY"] == "1"
        # A list of the start may have ended before the message, or after it.
        assert re.fullmatch(r"mounted, not listed yet|0 of \d( or more)? objects backed up", seen[0]["STATUS"])
        ok("ls", m.path)
        m.process.child.send_signal(signal.SIGHUP)
        eventually(lambda: "RELOADING" in str(messages(s, seen)) and seen[-1].get("READY"), "the reload")
        reload = next(i for i, x in enumerate(seen) if x.get("RELOADING") == "1")
        assert int(seen[reload]["MONOTONIC_USEC"]) > 0 and seen[-1].get("READY") == "1"
        m.unmount(signal.SIGTERM)
        assert messages(s, seen)[-1] == {"STOPPING": "1"}


def test_the_status_follows_an_archive(vault, mount, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.setblocking(False)
        seen = []
        m = mount(vault, env={"NOTIFY_SOCKET": tmp_path / "notify"})
        ok("cp", "-r", m.path, tmp_path / "copy")
        eventually(lambda: "9 of 9 objects backed up" in str(messages(s, seen)), "the status", 20)
        m.unmount()
        assert messages(s, seen)[-1] == {"STOPPING": "1"}
        m = mount(vault, env={"NOTIFY_SOCKET": tmp_path / "notify"}, again=m)
        ok("ls", "-l", m / "keys", m / "secrets", m / "certificates")
        again = {"STATUS": "9 of 9 objects backed up, 9 of them by earlier mounts", "READY": "1"}
        eventually(lambda: again in messages(s, seen), "the status of the next mount", 20)


def test_a_start_that_fails_gives_its_reason(vault, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.setblocking(False)
        (tmp_path / "mnt").mkdir()
        result = run(KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, tmp_path / "mnt",
                     env=environment(vault, AZURE_CLIENT_SECRET="wrong", NOTIFY_SOCKET=tmp_path / "notify"))
        assert result.code == 1
        assert messages(s, []) == [{"STATUS": result.err.removeprefix("kvfs: ").strip()}]


def test_in_the_background_it_is_no_service(vault, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.setblocking(False)
        (tmp_path / "mnt").mkdir()
        ok(KVFS, "-o", f"cacert={vault.ca}", vault.url, tmp_path / "mnt",
           env=environment(vault, NOTIFY_SOCKET=tmp_path / "notify"))
        ok("fusermount3", "-u", tmp_path / "mnt")
        assert messages(s, []) == []


def test_a_manager_that_is_gone_does_not_matter(vault, mount, tmp_path):
    m = mount(vault, env={"NOTIFY_SOCKET": tmp_path / "nothing"})
    assert is_mounted(m.path)
    ok("cp", "-r", m.path, tmp_path / "copy")
    m.unmount(signal.SIGTERM)
