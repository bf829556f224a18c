"""What was restored before counts only while the vault confirms it: nobody is told "done" where it has nothing."""
import os
import re

import pytest

from harness import Process, errno_of, eventually, fails, listed_again, ok, passes, run

TOOLS = ["cp {x} {r}/", "rsync -a {x} {r}/", "rsync -a --inplace {x} {r}/", "cat {x} >{r}/{n}.blob", "cp -n {x} {r}/",
         "tar -C {d} -c {n}.blob | tar -x --skip-old-files -C {r}", "dd if={x} of={r}/{n}.blob status=none",
         "install {x} {r}/"]


@pytest.fixture
def two(vaults):
    return vaults("first", "second", seed="secrets=3,vault=first")


@pytest.fixture
def blob(two, tmp_path):
    """The blob of a secret of the first vault, as a file: its name and path."""
    name = two.list("secrets", "first")[0]
    path = tmp_path / "blobs" / f"{name}.blob"
    path.parent.mkdir()
    path.write_bytes(two.backup("secrets", name, "first"))
    return name, path


def put(tool, m, blob):
    name, path = blob
    script = tool.format(x=path, d=path.parent, n=name, r=m / "restore/secrets")
    return run(shell=f"set -eo pipefail; {script}")


def is_there(vault, name):
    return vault.status("GET", f"/secrets/{name}/versions", vault="second") == 200 and \
        vault.versions("secrets", name, "second") != []


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("again", ["at once", "after a new mount", "after a new listing"])
def test_what_was_deleted_and_purged_meanwhile_is_restored_again(two, mount, blob, tool, again):
    m = mount(two, "list_ttl=1", name="second")
    assert put(tool, m, blob).code == 0
    two.lose("secrets", blob[0], "second")
    if again == "after a new mount":
        m = mount(two, name="second", again=m.unmount())
    if again == "after a new listing":
        listed_again(lambda: f"{blob[0]}.blob" not in m.names("secrets"), "a new listing")
    result = put(tool, m, blob)
    assert (result.code == 0) == is_there(two, blob[0]), result
    assert result.code == 0, result
    assert two.count("restore", 200, "second") == 2


@pytest.mark.parametrize("tool", TOOLS)
def test_what_was_deleted_and_not_purged_fails_the_tool(two, mount, blob, tool):
    m = mount(two, name="second")
    assert put(tool, m, blob).code == 0
    two.delete("secrets", blob[0], "second")
    assert put(tool, m, blob).code != 0
    assert m.line(op="restore", errno="EEXIST")["object"] == f"secrets/{blob[0]}"
    assert "recover or purge" in m.line(op="restore", errno="EEXIST").text


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_there_still_is_not_sent_again(two, mount, blob, tool):
    m = mount(two, name="second")
    for _ in range(3):
        assert put(tool, m, blob).code == 0
    m = mount(two, name="second", again=m.unmount())
    assert put(tool, m, blob).code == 0
    assert two.stats("second")["restores_seen"] == 1


def test_a_receipt_of_other_bytes_under_the_name_does_not_count(two, mount, tmp_path):
    path = tmp_path / "same.blob"
    two.set_secret("same", "a", vault="first")
    a = two.backup("secrets", "same", "first")
    two.lose("secrets", "same", "first")
    two.set_secret("same", "b", vault="first")
    b = two.backup("secrets", "same", "first")
    m = mount(two, name="second")
    target = m / "restore/secrets/same.blob"
    path.write_bytes(a)
    assert errno_of("write", target, path) == "0"
    two.lose("secrets", "same", "second")
    path.write_bytes(b)
    assert errno_of("write", target, path) == "0"
    of_b = two.versions("secrets", "same", "second")
    path.write_bytes(a)
    assert errno_of("write", target, path) == "EEXIST"
    assert two.versions("secrets", "same", "second") == of_b


def test_a_version_whose_attributes_were_changed_is_the_vault_s_to_judge(two, mount, blob):
    m = mount(two, name="second")
    assert put("cp {x} {r}/", m, blob).code == 0
    passes(1.1)  # `updated` has whole seconds
    version = two.versions("secrets", blob[0], "second")[0]
    two.call("PATCH", f"/secrets/{blob[0]}/{version}", {"attributes": {"enabled": False}}, vault="second")
    assert errno_of("stat", m / f"restore/secrets/{blob[0]}.blob") == "ENOENT"
    assert put("cp {x} {r}/", m, blob).code != 0
    assert m.line(op="restore", errno="EEXIST")


@pytest.mark.parametrize("look", ["stat", "open"])
def test_a_look_at_what_is_gone_is_enoent(two, mount, blob, look):
    m = mount(two, name="second")
    receipt = m / f"restore/secrets/{blob[0]}.blob"
    assert put("cp {x} {r}/", m, blob).code == 0
    assert errno_of("stat", receipt) == "0"
    two.lose("secrets", blob[0], "second")
    assert errno_of(look, receipt) == "ENOENT"
    m = mount(two, name="second", again=m.unmount())
    assert errno_of(look, receipt) == "ENOENT"


def test_a_look_that_the_vault_does_not_answer_is_an_error_and_never_enoent(two, mount, blob):
    m = mount(two, "timeout=2", name="second")
    receipt = m / f"restore/secrets/{blob[0]}.blob"
    assert put("cp {x} {r}/", m, blob).code == 0
    m = mount(two, "timeout=2", name="second", again=m.unmount())
    two.fault(operation="versions", status=403, code="Forbidden")
    assert errno_of("stat", receipt) == "EACCES"
    two.clear()
    two.fault(operation="versions", status=503)
    assert errno_of("stat", receipt) in ("EIO", "EBUSY", "ETIMEDOUT")
    two.clear()
    assert errno_of("stat", receipt) == "0"


def test_a_close_believes_no_answer_that_is_older_than_its_open(two, mount, blob):
    """The name is looked at, opened, and only then the object deleted."""
    name, path = blob
    m = mount(two, name="second")
    assert put("cp {x} {r}/", m, blob).code == 0
    script = """
import os, sys
path, source, go = sys.argv[1:]
data = open(source, "rb").read()
os.stat(path)
fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
os.write(fd, data)
open(go + ".opened", "w").close()
while not os.path.exists(go):
    pass
os.close(fd)
"""
    go = path.parent / "go"
    p = Process(["/usr/bin/python3", "-c", script, m / f"restore/secrets/{name}.blob", path, go], path.parent, "writer")
    eventually(lambda: os.path.exists(f"{go}.opened"), "the writer has opened the file")
    two.lose("secrets", name, "second")
    go.write_text("")
    assert p.wait() == 0, p.err
    assert is_there(two, name)
    assert two.count("restore", 200, "second") == 2


def test_a_stat_meanwhile_waits_for_the_restore_and_tells_what_became_of_it(two, mount, blob):
    name, path = blob
    receipt = "restore/secrets/%s.blob" % name
    m = mount(two, name="second")
    two.fault(operation="restore", delay_ms=2000, status=403, code="Forbidden", count=1)
    p = Process(["cp", path, m / receipt], path.parent, "cp")
    eventually(lambda: two.stats("second")["restores_seen"] == 1, "the restore is under way")
    assert errno_of("stat", m / receipt) == "ENOENT"
    assert p.wait() == 1
    assert not is_there(two, name)


def test_a_second_rsync_after_a_new_mount_asks_one_light_request_an_object(vaults, mount, tmp_path):
    vault = vaults("first", "second", seed="secrets=60,vault=first")
    archive = tmp_path / "archive/secrets"
    archive.mkdir(parents=True)
    for name in vault.list("secrets", "first"):
        (archive / f"{name}.blob").write_bytes(vault.backup("secrets", name, "first"))
    m = mount(vault, name="second")
    ok("rsync", "-a", f"{archive.parent}/", m / "restore/")
    m = mount(vault, name="second", again=m.unmount())
    vault.reset()
    ok("rsync", "-a", f"{archive.parent}/", m / "restore/")
    assert vault.stats("second")["restores_seen"] == 0
    assert 60 <= vault.count("versions", vault="second") <= 66
    m = mount(vault, name="second", again=m.unmount())
    vault.reset()
    ok("cp", "-r", archive, m / "restore/")
    assert vault.stats("second")["restores_seen"] == 0
    assert 120 <= vault.count("versions", vault="second") <= 130


def test_a_renamed_folder_takes_its_receipts_along(two, mount, blob):
    name, path = blob
    m = mount(two, name="second")
    ok("mkdir", "-p", m / "restore/monday/secrets")
    ok("cp", path, m / "restore/monday/secrets/")
    ok("mv", m / "restore/monday", m / "restore/tuesday")
    assert errno_of("stat", m / f"restore/tuesday/secrets/{name}.blob") == "0"
    m = mount(two, name="second", again=m.unmount())
    ok("mkdir", "-p", m / "restore/monday/secrets", m / "restore/tuesday/secrets")
    assert errno_of("stat", m / f"restore/monday/secrets/{name}.blob") == "ENOENT"
    assert errno_of("stat", m / f"restore/tuesday/secrets/{name}.blob") == "0"
    ok("rm", "-rf", m / "restore/tuesday")
    m = mount(two, name="second", again=m.unmount())
    ok("mkdir", "-p", m / "restore/tuesday/secrets")
    assert errno_of("stat", m / f"restore/tuesday/secrets/{name}.blob") == "ENOENT"
    assert two.stats("second")["restores_seen"] == 1


def test_an_object_that_somebody_else_made_meanwhile_is_never_ours(two, mount, blob, tmp_path):
    """The first attempt fails with 503 and was not applied; then another client takes the name."""
    name, path = blob
    m = mount(two, name="second")
    two.fault(operation="restore", status=503, count=1, retry_after=8)
    p = Process(["cp", path, m / "restore/secrets/"], tmp_path, "cp")
    eventually(lambda: two.stats("second")["restores_seen"] >= 1, "the first attempt")
    two.set_secret(name, "another one's", vault="second")
    assert p.wait(30) == 1
    assert re.search("an earlier attempt", m.line(op="restore", errno="EEXIST").text)
    fails("cp", path, m / "restore/secrets/")
