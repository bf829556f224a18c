"""Every failure is one line of key=value pairs, the sum comes at the end, and nothing secret is in it."""
import os
import re
import socket

import pytest

from harness import KVFS, TYPES, environment, errno_of, ok, run


def test_a_clean_run_logs_nothing_but_the_sum(vault, mount, tmp_path):
    m = mount(vault)
    ok("rsync", "-a", m / "keys", m / "secrets", m / "certificates", tmp_path / "copy")
    m.unmount()
    lines = m.lines()
    assert len(lines) == 1, m.process.err
    count = sum(len(vault.list(kind)) for kind in TYPES)
    text = lines[0].text
    for word in (r"objects=\d+", f"backed_up={count}", "restored=0", "failed=0"):
        assert re.search(word, text), text


def test_a_failed_read_is_one_line_that_says_who_and_what(vault, mount):
    m = mount(vault)
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, status=403, code="ForbiddenByRbac",
                message="Caller is not authorized to perform action on resource.\r\nAction: x\r\nAssignment: none")
    assert run("cat", m / "secrets" / f"{name}.blob").code == 1
    line = m.line(op="backup")
    assert line["object"] == f"secrets/{name}"
    assert (line["status"], line["code"], line["errno"]) == ("403", "ForbiddenByRbac", "EACCES")
    assert line["cmd"] == "cat" and line["uid"] == str(os.geteuid()) and int(line["pid"]) > 1
    assert re.fullmatch(r"[0-9a-f-]{32,36}", line["request"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line["client_request"])
    assert vault.host() in line["vault"] or vault.name in line["vault"]
    assert "Caller is not authorized" in line.text


# A program that takes another name, as a shell does that becomes what it starts.
TWO_NAMES = """
import sys
for path in sys.argv[1:]:
    try:
        open(path, "rb")
    except OSError:
        pass
    with open("/proc/self/comm", "w") as comm:
        comm.write("another")
"""


def test_a_program_is_called_what_it_is_called_at_the_time(vault, mount):
    m = mount(vault, "prefetch=0")
    names = vault.list("secrets")[:2]
    vault.fault(operation="backup", status=403)
    ok("python3", "-c", TWO_NAMES, *(m / "secrets" / f"{n}.blob" for n in names))
    first, second = m.lines(op="backup")
    assert first["cmd"].startswith("python3") and second["cmd"] == "another"
    assert first["pid"] == second["pid"]


def test_the_sum_counts_failures(vault, mount, tmp_path):
    m = mount(vault, "prefetch=0")
    good, bad = vault.list("secrets")[:2]
    vault.fault(operation="backup", name=bad, status=403, code="ForbiddenByPolicy")
    ok("cat", m / "secrets" / f"{good}.blob", text=False)
    assert errno_of("open", m / "secrets" / f"{bad}.blob") == "EACCES"
    m.unmount()
    text = m.lines()[-1].text
    assert "backed_up=1" in text and "failed=1" in text and "restored=0" in text


def test_what_is_not_shown_is_counted(vaults, mount):
    vault = vaults("first", seed="certificates=3,secrets=1")
    m = mount(vault)
    m.names("keys"), m.names("secrets"), m.names("certificates")
    m.unmount()
    assert re.search(r"not_shown=6\b", m.lines()[-1].text)


def test_a_refused_write_is_logged_too(vault, mount):
    m = mount(vault)
    assert errno_of("create", m / "keys/x.blob") == "EACCES"
    line = m.line(errno="EACCES")
    assert "restore/" in line.text and line["object"] == "keys/x.blob"


def test_repeated_reads_of_a_failing_object_do_not_flood_the_log(vault, mount):
    m = mount(vault)
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, status=403, code="ForbiddenByPolicy")
    run("cat", m / "secrets" / f"{name}.blob")
    run("cp", m / "secrets" / f"{name}.blob", "/dev/null")
    assert len(m.lines(op="backup")) == 2


def test_control_characters_of_a_server_cannot_make_a_second_line(vault, mount):
    m = mount(vault)
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, status=403, code='Evil" errno=0\nop=fake',
                message="line one\nvault=fake op=restore\x1b[31m errno=0")
    errno_of("open", m / "secrets" / f"{name}.blob")
    line = m.line(op="backup")
    assert "\x1b" not in m.process.err
    assert not [x for x in m.process.err.splitlines() if x.startswith(("op=fake", "vault=fake"))]
    assert line["errno"] == "EACCES"


@pytest.mark.parametrize("debug", ["", "debug=all"])
def test_no_line_has_a_secret_a_token_or_a_value(vaults, mount, tmp_path, debug):
    vault = vaults("first", "second", seed="keys=1,vault=first")
    vault.set_secret("precious", "the-value-itself", vault="first")
    for name in ("first", "second"):
        m = mount(vault, *([debug] if debug else []), name=name)
        m.allowed.append(".")
        for kind in TYPES:
            ok(shell=f"cat {m.path}/{kind}/*.blob >/dev/null 2>&1; true")
        (tmp_path / "blob").write_bytes(vault.backup("secrets", "precious", "first"))
        ok("mkdir", "-p", m / "restore/secrets")
        errno_of("write", m / "restore/secrets/precious.blob", tmp_path / "blob")
        m.unmount()
        log = m.process.err
        blob = (tmp_path / "blob").read_bytes().decode()
        for forbidden in (vault.secret, vault.token(), "the-value-itself", "Bearer ", "client_secret=", "skiptoken",
                          blob[60:120], "eyJ"):
            assert forbidden not in log, forbidden


def test_restores_are_logged_with_the_name_the_service_gave(vaults, mount, tmp_path):
    vault = vaults("first", "second", seed="keys=1,vault=first")
    name = vault.list("keys", "first")[0]
    (tmp_path / "blob").write_bytes(vault.backup("keys", name, "first"))
    m = mount(vault, "debug=audit", name="second")
    m.allowed.append(".")
    ok("mkdir", "-p", m / "restore/keys")
    ok("cp", tmp_path / "blob", m / f"restore/keys/{name}.blob")
    line = m.line(op="restore", status="200")
    assert line["object"] == f"keys/{name}" and line["cmd"] == "cp"
    m.unmount()
    assert "restored=1" in m.lines()[-1].text


def test_in_the_background_the_log_goes_to_syslog(vault, tmp_path):
    if os.path.exists("/dev/log") or os.geteuid() != 0:
        pytest.skip("there is a syslog already, or not root: cannot listen in its place")
    point = tmp_path / "mnt"
    point.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("/dev/log")
        s.settimeout(20)
        try:
            ok(KVFS, "-o", f"cacert={vault.ca}", vault.url, point, env=environment(vault))
            assert errno_of("create", point / "keys/x.blob") == "EACCES"
            ok("fusermount3", "-u", point)
            text = ""
            # Others may log as well.
            while "errno=EACCES" not in text or f"vault={vault.host()}:{vault.port}" not in text:
                text = s.recv(8192).decode()
            assert re.search(r"^<\d+>.*kvfs(\[\d+\])?: ", text)
        finally:
            os.unlink("/dev/log")
