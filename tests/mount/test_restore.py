"""Writing a blob into restore/ restores it, once, or the tool that wrote it fails."""
import base64
import os
import re
import time

import pytest

from harness import KVFS, SLOW, TYPES, errno_of, fails, needs, ok, run

# What puts the tree $a of blobs into the drop box $r.
TOOLS = {
    "cp -r": "cp -r $a/* $r/",
    "cp -p": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; cp -p $f $r/$f; done",
    "cp -a": "cp -a $a/* $r/",
    "mv": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; mv $f $r/$f; done",
    "rsync -a": "rsync -a $a/ $r/",
    "rsync --inplace": "rsync -a --inplace $a/ $r/",
    "rsync -aW --whole-file": "rsync -aW $a/ $r/",
    "tar": "tar -C $a -c . | tar -x -C $r",
    "tar xf": "tar -C $a -cf $a.tar keys secrets certificates && tar -xf $a.tar -C $r",
    "tar -xp": "tar -C $a -c . | tar -xp --same-owner -C $r",
    "bsdtar": "tar -C $a -c keys secrets certificates | bsdtar -x -C $r -f -",
    "cat": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; cat $f >$r/$f; done",
    "install": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; install $f $r/$f; done",
    "install -m": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; install -m 0600 $f $r/$f; done",
    "dd": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; dd if=$f of=$r/$f bs=777 status=none; done",
    "tee": "cd $a && for f in */*; do mkdir -p $r/${f%/*}; tee <$f $r/$f >/dev/null; done",
    "python": "/usr/bin/python3 -c 'import shutil, sys; shutil.copytree(*sys.argv[1:], dirs_exist_ok=True)' $a $r",
    "cpio": "cd $a && find . -type f | cpio -pdm --quiet $r",
}


@pytest.fixture
def archive(tmp_path):
    """A function that writes the blobs of a vault as files: their names, "keys/db"."""
    def make(vault, where="archive", name=None, shape="{kind}/{name}.blob"):
        made = []
        for kind in TYPES:
            for n in vault.list(kind, name):
                path = tmp_path / where / shape.format(kind=kind, name=n)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(vault.backup(kind, n, name))
                made.append(f"{kind}/{n}")
        return made

    return make


def same(vault, names, source="first", target="second"):
    for name in names:
        kind, n = name.split("/")
        assert vault.versions(kind, n, target) == vault.versions(kind, n, source), name


@pytest.fixture
def two(vaults):
    """Two vaults of one subscription and geography; the first has objects."""
    return vaults("first", "second", seed="keys=2,secrets=3,certificates=2,versions=2,vault=first")


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_restores_everything_once(two, mount, archive, tmp_path, tool):
    needs(tool)
    names = archive(two)
    m = mount(two, name="second")
    result = run(shell=f"set -eo pipefail; a={tmp_path}/archive; r={m.path}/restore; {TOOLS[tool]}")
    assert result.code == 0, result
    same(two, names)
    assert two.count("restore", 200, "second") == len(names) == two.stats("second")["restores_seen"]
    # What was restored is listed at once, and the drop box as empty.
    for kind in TYPES:
        assert sorted(m.names(kind)) == sorted(f"{n}.blob" for n in two.list(kind, "second"))
    assert m.names("restore") == []
    assert not [x for x in m.lines() if "errno" in x and x["errno"] != "0"]
    m.unmount()


@pytest.mark.parametrize("shape", [
    "{kind}/{name}.blob", "{kind}/{name}", "backup/2024-06-01/{kind}/{name}.blob", "{kind}/a/b/c/{name}.blob",
    "keys/secrets/{kind}/{name}.blob"])
def test_the_nearest_directory_called_as_a_type_tells_the_type(two, mount, archive, tmp_path, shape):
    names = archive(two, shape=shape)
    m = mount(two, name="second")
    ok("cp", "-r", f"{tmp_path}/archive/.", m / "restore")
    same(two, names)


def test_without_such_a_directory_the_blob_s_own_magic_does(two, mount, archive, tmp_path):
    names = archive(two, shape="{name}.blob")
    m = mount(two, name="second")
    ok(shell=f"cp {tmp_path}/archive/*.blob {m.path}/restore/")
    same(two, names)


def test_the_name_is_the_blob_s_not_the_file_s_and_the_log_says_so(two, mount, archive, tmp_path):
    archive(two)
    name = two.list("secrets", "first")[0]
    m = mount(two, name="second")
    ok("mkdir", "-p", m / "restore/secrets")
    ok("cp", tmp_path / f"archive/secrets/{name}.blob", m / "restore/secrets/another-name.blob")
    assert two.list("secrets", "second") == [name]
    assert [x for x in m.lines(op="restore") if name in x.text and "another-name" in x.text], m.process.err


def test_the_text_form_is_accepted_too(two, mount, tmp_path):
    m = mount(two, name="second")
    for kind in TYPES:
        name = two.list(kind, "first")[0]
        text = base64.urlsafe_b64encode(two.backup(kind, name, "first")).rstrip(b"=")
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "text.blob").write_bytes(text)
        ok("cp", "-r", tmp_path / kind, m / "restore")
        assert two.list(kind, "second") == [name]
    assert two.count("restore", vault="second") == 3


def test_a_restored_object_can_be_read_in_the_same_mount(two, mount, archive, tmp_path):
    archive(two)
    m = mount(two, name="second")
    name = two.list("keys", "first")[0]
    assert errno_of("stat", m / f"keys/{name}.blob") == "ENOENT"
    ok("cp", "-r", tmp_path / "archive/keys", m / "restore")
    blob = ok("cat", m / f"keys/{name}.blob", text=False)
    assert len(blob) == len(two.backup("keys", name, "second"))


# What is refused without a request.

@pytest.fixture
def box(two, mount):
    """A mounted second vault with the three directories in its drop box, and its counters at 0."""
    m = mount(two, name="second")
    for kind in TYPES:
        ok("mkdir", "-p", m / "restore" / kind)
    two.reset()
    return m


def refused(vault, box, kind, data, tmp_path, errno="EINVAL", name="x.blob"):
    file = tmp_path / "data"
    file.write_bytes(data)
    assert errno_of("write", box / "restore" / kind / name, file) == errno
    assert vault.count("restore", vault="second") == 0
    for tool in ("cp", "rsync -a", "install"):
        fails(shell=f"{tool} {file} {box.path}/restore/{kind}/{name}")
    assert vault.count("restore", vault="second") == 0


def test_an_empty_file_is_refused(two, box, tmp_path):
    refused(two, box, "keys", b"", tmp_path)
    fails(shell=f": >{box.path}/restore/keys/x.blob; cp /dev/null {box.path}/restore/keys/y.blob")
    assert two.count("restore", vault="second") == 0


@pytest.mark.parametrize("length", ["1", "10", "half", "less one part", "less a byte of the last part"])
def test_a_cut_blob_is_refused(two, box, tmp_path, length):
    blob = two.backup("secrets", two.list("secrets", "first")[0], "first")
    cut = {"1": blob[:1], "10": blob[:10], "half": blob[:len(blob) // 2], "less one part": blob.rpartition(b".")[0],
           "less a byte of the last part": blob[:-1]}[length]
    refused(two, box, "secrets", cut, tmp_path)


@pytest.mark.parametrize("kind, other", [("keys", "secrets"), ("certificates", "secrets"), ("secrets", "keys"),
                                         ("secrets", "certificates")])
def test_a_blob_of_another_type_is_refused(two, box, tmp_path, kind, other):
    refused(two, box, other, two.backup(kind, two.list(kind, "first")[0], "first"), tmp_path)


def test_a_blob_with_something_behind_it_is_refused(two, box, tmp_path):
    blob = two.backup("keys", two.list("keys", "first")[0], "first")
    refused(two, box, "keys", blob + b"\n", tmp_path)
    refused(two, box, "keys", blob + blob, tmp_path)


def test_what_is_no_blob_is_refused_where_nothing_tells_its_type(two, box, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("these are notes\n")
    fails("cp", file, box / "restore/notes.txt")
    assert two.count("restore", vault="second") == 0


def test_an_unknown_format_is_the_service_s_to_judge_where_the_directory_tells_the_type(two, box, tmp_path):
    (tmp_path / "unknown").write_bytes(b"\x1f\x8b\x08" + b" some other format" * 30)
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "unknown") == "EINVAL"
    assert two.count("restore", 400, "second") == 1
    assert box.line(op="restore", errno="EINVAL")["status"] == "400"


def test_too_large_a_file_is_refused(two, box, tmp_path):
    with open(tmp_path / "large", "wb") as f:
        f.write(b"&AzureKeyVaultKeyBackupV1.microsoft.com")
        f.truncate(100 << 20)
    for _ in range(2):
        # Nothing of it is kept, so that it does not stand in the way of others.
        assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "large") == "EFBIG"
    assert two.count("restore", vault="second") == 0
    (tmp_path / "large").write_bytes(b"&AzureKeyVaultKeyBackupV1.microsoft.com" + b"x" * (50 << 20))
    for _ in range(5):
        assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "large") == "EINVAL"


@pytest.mark.parametrize("name", [".hidden", ".x.blob", ".x.blob.abc", ".x.blob.abcdefg", ".nfs0001"])
def test_dot_names_are_refused(two, box, tmp_path, name):
    blob = two.backup("secrets", two.list("secrets", "first")[0], "first")
    (tmp_path / "blob").write_bytes(blob)
    assert errno_of("write", box / "restore/secrets" / name, tmp_path / "blob") == "EINVAL"
    assert two.count("restore", vault="second") == 0


def test_a_staged_name_is_restored_when_it_gets_its_real_one(two, box, tmp_path):
    name = two.list("secrets", "first")[0]
    (tmp_path / "blob").write_bytes(two.backup("secrets", name, "first"))
    staged = box / f"restore/secrets/.{name}.blob.aB3dE9"
    assert errno_of("write", staged, tmp_path / "blob") == "0"
    assert two.count("restore", vault="second") == 0
    assert errno_of("rename", staged, box / f"restore/secrets/{name}.blob") == "0"
    assert two.list("secrets", "second") == [name]
    assert two.count("restore", vault="second") == 1


def test_a_staged_name_that_fails_says_so_at_the_rename(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("secrets", two.list("secrets", "first")[0], "first"))
    staged = box / "restore/keys/.x.blob.aB3dE9"
    error = errno_of("write", staged, tmp_path / "blob")
    if error == "0":
        error = errno_of("rename", staged, box / "restore/keys/x.blob")
    assert error == "EINVAL"
    assert two.count("restore", vault="second") == 0


# What the service refuses.

def test_a_name_in_use_is_eexist_and_the_log_says_in_use(two, mount, archive, tmp_path):
    archive(two)
    m = mount(two, name="first")
    name = two.list("keys", "first")[0]
    ok("mkdir", "-p", m / "restore/keys")
    assert errno_of("write", m / f"restore/keys/{name}.blob", tmp_path / f"archive/keys/{name}.blob") == "EEXIST"
    line = m.line(op="restore", errno="EEXIST")
    assert line["status"] == "409" and re.search("in use|already has", line.text) and not re.search("purge|deleted", line.text)
    assert m.line(op="restore")["request"]


def test_a_deleted_name_is_eexist_and_the_log_says_to_recover_or_purge_it(two, mount, archive, tmp_path):
    archive(two)
    name = two.list("keys", "first")[0]
    two.delete("keys", name, "first")
    m = mount(two, name="first")
    ok("mkdir", "-p", m / "restore/keys")
    assert errno_of("write", m / f"restore/keys/{name}.blob", tmp_path / f"archive/keys/{name}.blob") == "EEXIST"
    line = m.line(op="restore", errno="EEXIST")
    assert re.search("deleted", line.text) and re.search("recover", line.text) and re.search("purge", line.text)


def test_with_purge_protection_the_log_says_when(vaults, mount, archive, tmp_path):
    vault = vaults("first", seed="keys=1", options=["--purge-protection"])
    archive(vault)
    name = vault.list("keys")[0]
    vault.delete("keys", name)
    m = mount(vault)
    ok("mkdir", "-p", m / "restore/keys")
    assert errno_of("write", m / f"restore/keys/{name}.blob", tmp_path / f"archive/keys/{name}.blob") == "EEXIST"
    assert re.search(r"20\d\d-\d\d-\d\d", m.line(op="restore", errno="EEXIST").text)


def test_a_purge_that_takes_effect_late_is_waited_for(two, mount, archive, tmp_path):
    archive(two)
    name = two.list("keys", "first")[0]
    two.delete("keys", name, "first")
    m = mount(two, name="first")
    ok("mkdir", "-p", m / "restore/keys")
    two.config(lag_ms=3000)
    two.purge("keys", name, "first", wait=False)
    assert errno_of("write", m / f"restore/keys/{name}.blob", tmp_path / f"archive/keys/{name}.blob") == "0"
    assert name in two.list("keys", "first")
    assert two.count("restore", 409, "first") >= 1 and two.count("restore", 200, "first") == 1


@pytest.mark.skipif("sanitize" in KVFS, reason="takes a minute, and is tested without sanitizers")
def test_a_purge_that_never_takes_effect_is_ebusy(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    two.fault(operation="restore", status=409, code="Conflict", message="There was a conflict restoring the key.")
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob", seconds=90) == "EBUSY"
    assert box.line(op="restore", errno="EBUSY")["status"] == "409"


def test_a_conflict_is_waited_for_no_longer_than_the_time_out(two, mount, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    m = mount(two, "timeout=5", name="second")
    two.fault(operation="restore", status=409, code="Conflict", message="There was a conflict restoring the key.")
    start = time.monotonic()
    assert errno_of("write", m / "restore/keys/x.blob", tmp_path / "blob", seconds=30) == "EBUSY"
    assert time.monotonic() - start < 6 * SLOW


def test_another_geography_is_einval(vaults, mount, archive, tmp_path):
    vault = vaults("here:europe", "there:asia", "elsewhere:europe:22222222-2222-2222-2222-222222222222",
                   seed="keys=1,secrets=1,vault=here")
    archive(vault, name="here")
    for name in ("there", "elsewhere"):
        m = mount(vault, name=name)
        ok("mkdir", "-p", m / "restore/keys")
        key = vault.list("keys", "here")[0]
        assert errno_of("write", m / "restore/keys/x.blob", tmp_path / f"archive/keys/{key}.blob") == "EINVAL"
        line = m.line(op="restore", errno="EINVAL")
        assert line["status"] == "400" and "Cannot decrypt backup blob" in line.text


def test_no_permission_is_eacces(two, box, archive, tmp_path):
    archive(two)
    key = two.list("keys", "first")[0]
    two.rights("keys=list,get,versions,backup;secrets=*;certificates=*")
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / f"archive/keys/{key}.blob") == "EACCES"
    line = box.line(op="restore", errno="EACCES")
    assert (line["status"], line["code"]) == ("403", "ForbiddenByPolicy")


@pytest.mark.parametrize("tool", ["cp", "cp -p", "mv", "rsync -a", "rsync -a --inplace", "install", "cat", "tar", "dd"])
def test_a_refused_restore_fails_the_tool_and_spares_the_others(two, mount, archive, tmp_path, tool):
    names = archive(two)
    bad = two.list("secrets", "first")[1]
    two.fault(operation="restore", type="secrets", status=403, code="ForbiddenByPolicy", skip=1, count=1)
    m = mount(two, name="second")
    loop = "s=0; mkdir $r/secrets; cd $a/secrets; for f in *; do {} || s=1; done; exit $s"
    script = {
        "cat": loop.format("cat $f >$r/secrets/$f"), "dd": loop.format("dd if=$f of=$r/secrets/$f status=none"),
        "tar": "tar -C $a -c secrets | tar -x -C $r", "rsync -a": "rsync -a $a/secrets $r/",
        "rsync -a --inplace": "rsync -a --inplace $a/secrets $r/",
    }.get(tool, loop.format(f"{tool} $f $r/secrets/$f"))
    fails(shell=f"set -o pipefail; a={tmp_path}/archive; r={m.path}/restore; {script}")
    restored = two.list("secrets", "second")
    wanted = [n.partition("/")[2] for n in names if n.startswith("secrets/")]
    if tool == "rsync -a --inplace":
        # rsync stops at the first file whose close fails; the next run does the rest.
        assert restored
    else:
        assert len(restored) == len(wanted) - 1
    assert m.line(op="restore", errno="EACCES")
    # Run again, as one would: only what is missing is sent.
    two.clear()
    run("rsync", "-a", f"{tmp_path}/archive/secrets", m / "restore") if tool != "mv" else \
        run("cp", "-r", f"{tmp_path}/archive/secrets", m / "restore")
    assert sorted(two.list("secrets", "second")) == sorted(wanted), bad


# Once, and only once.

def test_the_same_bytes_twice_cause_one_request(two, box, tmp_path):
    name = two.list("secrets", "first")[0]
    file = tmp_path / f"{name}.blob"
    file.write_bytes(two.backup("secrets", name, "first"))
    for tool in ("cp", "cp", "cp -p", "rsync -a", "install"):
        ok(shell=f"{tool} {file} {box.path}/restore/secrets/")
    assert two.stats("second")["restores_seen"] == 1


def test_a_repeated_rsync_finds_its_receipts(two, mount, archive, tmp_path):
    names = archive(two)
    m = mount(two, name="second")
    for _ in range(3):
        ok("rsync", "-a", f"{tmp_path}/archive/", m / "restore/")
    assert two.stats("second")["restores_seen"] == len(names)
    out = ok("rsync", "-ai", f"{tmp_path}/archive/", m / "restore/")
    assert ".blob" not in out


def test_a_receipt_has_the_size_and_time_of_what_was_written_and_can_be_removed(two, mount, archive, tmp_path):
    archive(two)
    name = two.list("keys", "first")[0]
    source = tmp_path / f"archive/keys/{name}.blob"
    m = mount(two, name="second")
    ok("cp", "-rp", tmp_path / "archive/keys", m / "restore")
    receipt = m / f"restore/keys/{name}.blob"
    assert ok("stat", "-c", "%s %Y", receipt) == ok("stat", "-c", "%s %Y", source)
    assert errno_of("unlink", receipt) == "0"
    assert errno_of("stat", receipt) == "ENOENT"
    assert two.list("keys", "second") != []


def test_a_failed_restore_leaves_no_receipt(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    two.fault(operation="restore", status=403, code="ForbiddenByPolicy", count=1)
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob") == "EACCES"
    assert errno_of("stat", box / "restore/keys/x.blob") == "ENOENT"
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob") == "0"


def test_a_later_flush_repeats_the_answer_without_a_request(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    script = """
import errno, os, sys
data = open(sys.argv[2], "rb").read()
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
twin = os.dup(fd)
os.write(fd, data)
for x in (fd, twin):
    try:
        os.close(x)
        print("0")
    except OSError as e:
        print(errno.errorcode[e.errno])
"""
    two.fault(operation="restore", status=403, code="ForbiddenByPolicy", count=1)
    out = ok("/usr/bin/python3", "-c", script, box / "restore/keys/x.blob", tmp_path / "blob")
    assert out.split() == ["EACCES", "EACCES"]
    assert two.stats("second")["restores_seen"] == 1


def test_an_early_close_of_a_shell_does_no_harm(two, box, tmp_path):
    blob = two.backup("keys", two.list("keys", "first")[0], "first")
    (tmp_path / "a").write_bytes(blob[:100])
    (tmp_path / "b").write_bytes(blob[100:])
    ok(shell=f"{{ cat {tmp_path}/a; cat {tmp_path}/b; }} >{box.path}/restore/keys/x.blob")
    assert two.stats("second")["restores_seen"] == 1


@pytest.mark.parametrize("action", ["close", "reset", "applied-reset"])
def test_a_lost_answer_reaches_the_vault_once(two, box, tmp_path, action):
    name = two.list("keys", "first")[0]
    (tmp_path / "blob").write_bytes(two.backup("keys", name, "first"))
    # A connection that was used before, so that libcurl would be tempted to send it again.
    ok("ls", "-l", box / "keys")
    two.fault(operation="restore", action=action, count=1)
    error = errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob", seconds=100)
    assert two.stats("second")["restores_seen"] == 1
    restored = two.list("keys", "second") == [name]
    assert restored == (action == "applied-reset")
    # Done and known to be so, or not known: never "done" when it was not.
    assert error == "0" and restored or error != "0"
    if error != "0":
        assert box.lines(op="restore", errno=error)


@pytest.mark.parametrize("status", [429, 503, 500, 408])
def test_a_passing_refusal_is_tried_again(two, box, tmp_path, status):
    name = two.list("keys", "first")[0]
    (tmp_path / "blob").write_bytes(two.backup("keys", name, "first"))
    two.fault(operation="restore", status=status, count=2)
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob") == "0"
    assert two.list("keys", "second") == [name]


# Where it cannot be.

def test_writing_into_a_type_s_directory_is_eacces_and_the_log_says_where_to_write(two, mount, tmp_path):
    m = mount(two, name="second")
    (tmp_path / "x.blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    assert errno_of("create", m / "keys/x.blob") == "EACCES"
    fails("cp", tmp_path / "x.blob", m / "keys/")
    fails("rsync", "-a", tmp_path / "x.blob", m / "keys/")
    assert [x for x in m.lines(errno="EACCES") if "restore/" in x.text], m.process.err
    assert two.count("restore", vault="second") == 0


def test_a_read_only_mount_restores_nothing(two, mount, tmp_path):
    m = mount(two, "ro", name="second")
    (tmp_path / "x.blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    assert errno_of("create", m / "restore/x.blob") in ("ENOENT", "EROFS")
    assert errno_of("create", m / "keys/x.blob") in ("EROFS", "EACCES")
    fails("cp", tmp_path / "x.blob", m / "keys/")
    assert two.count("restore", vault="second") == 0


def test_a_dry_run_checks_and_sends_nothing(two, mount, archive, tmp_path):
    archive(two)
    m = mount(two, "dry_run", name="second")
    ok("cp", "-r", tmp_path / "archive/secrets", m / "restore")
    (tmp_path / "cut").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first")[:500])
    ok("mkdir", "-p", m / "restore/keys")
    assert errno_of("write", m / "restore/keys/x.blob", tmp_path / "cut") == "EINVAL"
    assert two.count("restore", vault="second") == 0
    m.unmount()
    m = mount(two, "dry_run", name="first")
    name = m.names("secrets")[0]
    two.reset()
    assert ok("stat", "-c", "%s", m / "secrets" / name).strip() == "0"
    assert errno_of("open", m / "secrets" / name) == "EROFS"
    assert two.count("backup") == 0


def test_types_that_are_left_out_cannot_be_restored(two, mount, archive, tmp_path):
    archive(two)
    m = mount(two, "types=keys", name="second")
    ok("cp", "-r", tmp_path / "archive/keys", m / "restore")
    fails("cp", "-r", tmp_path / "archive/secrets", m / "restore")
    assert two.list("secrets", "second") == []


def test_directories_in_the_drop_box_come_and_go(two, mount):
    m = mount(two, name="second")
    ok("mkdir", "-p", m / "restore/a/b/c")
    assert ok("stat", "-c", "%F", m / "restore/a/b/c").strip() == "directory"
    ok("rmdir", m / "restore/a/b/c", m / "restore/a/b", m / "restore/a")
    assert errno_of("stat", m / "restore/a") == "ENOENT"
    assert errno_of("rmdir", m / "restore") in ("EBUSY", "EACCES", "EPERM", "ENOTEMPTY")


def test_many_restores_at_once_all_arrive(vaults, mount, archive, tmp_path):
    vault = vaults("first", "second", seed="secrets=60,vault=first")
    names = archive(vault, name="first")
    m = mount(vault, name="second")
    ok("mkdir", "-p", m / "restore/secrets")
    ok(shell=f"ls {tmp_path}/archive/secrets/* | xargs -P16 -I% cp % {m.path}/restore/secrets/")
    assert sorted(vault.list("secrets", "second")) == sorted(n.partition("/")[2] for n in names)
    assert vault.stats("second")["restores_seen"] == 60


def test_what_was_restored_cannot_be_read_back(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    assert errno_of("write", box / "restore/keys/x.blob", tmp_path / "blob") == "0"
    # A receipt is a size and a time; its bytes are gone.
    assert run("cat", box / "restore/keys/x.blob").out == ""


def test_chmod_chown_utimes_and_truncate_to_the_same_size_are_accepted(two, box, tmp_path):
    (tmp_path / "blob").write_bytes(two.backup("keys", two.list("keys", "first")[0], "first"))
    size = (tmp_path / "blob").stat().st_size
    path = box / "restore/keys/x.blob"
    ok("cp", tmp_path / "blob", path)
    ok("chmod", "0640", path)
    ok("touch", "-d", "2020-01-02 03:04:05", path)
    ok("truncate", "-s", size, path)
    assert errno_of("stat", path) == "0"
    ok("chown", f"{os.geteuid()}:{os.getegid()}", path)
    assert two.stats("second")["restores_seen"] == 1
