"""Reading a file is a backup of the object: exact, restorable, made once; or an error in every tool."""
import base64
import itertools
import signal
import subprocess

import pytest

from harness import ROOT, TYPES, errno_of, fails, listed_again, needs, ok, run, tree

MAGIC = {"keys": b"&AzureKeyVaultKeyBackupV1.microsoft.com", "certificates": b"&AzureKeyVaultKeyBackupV1.microsoft.com",
         "secrets": b")AzureKeyVaultSecretBackupV1.microsoft.com"}

# What copies the three directories of $m into $d.
COPIES = {
    "cp": "cp -r $m/keys $m/secrets $m/certificates $d",
    "cp -a": "cp -a $m/keys $m/secrets $m/certificates $d",
    "rsync": "rsync -a $m/keys $m/secrets $m/certificates $d",
    "rsync -c": "rsync -ac $m/keys $m/secrets $m/certificates $d",
    "rsync --inplace": "rsync -a --inplace $m/keys $m/secrets $m/certificates $d",
    "tar": "tar -C $m -c keys secrets certificates | tar -x -C $d",
    "tar to /dev/null first": "tar -C $m -cf $d.tar keys secrets certificates && tar -xf $d.tar -C $d",
    "bsdtar": "bsdtar -C $m -cf - keys secrets certificates | tar -x -C $d",
    "cat": "cd $m && for f in */*.blob; do mkdir -p $d/${f%/*}; cat $f >$d/$f; done",
    "dd": "cd $m && for f in */*.blob; do mkdir -p $d/${f%/*}; dd if=$f of=$d/$f bs=1000 status=none; done",
    "python": "/usr/bin/python3 -c 'import shutil,sys;[shutil.copytree(sys.argv[1]+\"/\"+t,sys.argv[2]+\"/\"+t)"
              " for t in (\"keys\",\"secrets\",\"certificates\")]' $m $d",
    "cpio": "cd $m && find keys secrets certificates | cpio -pdm --quiet $d",
    "install": "cd $m && for f in */*.blob; do install -D $f $d/$f; done",
}


def objects(vault, name=None):
    return {f"{kind}/{n}" for kind in TYPES for n in vault.list(kind, name)}


def is_whole(kind, blob):
    """Whether a blob is a length byte, the magic and five parts of base64url."""
    head = MAGIC[kind]
    parts = blob[len(head):].split(b".")
    return blob.startswith(head) and len(parts) == 5 and all(p.isascii() for p in parts) and \
        b"enc" in base64.urlsafe_b64decode(parts[0] + b"==")


@pytest.mark.parametrize("tool", COPIES)
def test_every_tool_makes_an_exact_copy_that_can_be_restored(vaults, mount, tmp_path, tool):
    vault = vaults("first", "second", seed="keys=3,secrets=4,certificates=2,versions=2")
    vault.set_secret("Big", "x" * 20000)
    m = mount(vault, "ro")
    vault.reset()
    copy = tmp_path / "copy"
    copy.mkdir()
    needs(tool)
    result = run(shell=f"set -o pipefail; m={m.path}; d={copy}; {COPIES[tool]}")
    assert result.code == 0, result
    copied = tree(copy)
    assert {x.removesuffix(".blob") for x in copied} == objects(vault, "first")
    for path, blob in copied.items():
        kind = path.partition("/")[0]
        assert is_whole(kind, blob), path
        vault.restore(kind, blob, "second")
    for name in objects(vault, "first"):
        assert vault.versions(*name.split("/"), "second") == vault.versions(*name.split("/"), "first")
    # One backup an object, whatever the tool did.
    assert vault.stats("first")["backups"] == {name: 1 for name in objects(vault, "first")}
    m.unmount()


def test_the_size_at_stat_is_exact_before_anything_is_read(vault, mount):
    m = mount(vault)
    for kind in TYPES:
        for name in m.names(kind):
            size = int(ok("stat", "-c", "%s", m / kind / name))
            assert size == len(ok("cat", m / kind / name, text=False)) > 1000


def test_a_second_read_in_the_same_mount_is_the_same_and_free(vault, mount):
    m = mount(vault)
    path = m / "keys" / m.names("keys")[0]
    first = ok("cat", path, text=False)
    vault.reset()
    assert ok("cat", path, text=False) == first
    assert vault.count("backup") == 0


def test_two_readers_at_once_cause_one_backup(vault, mount):
    m = mount(vault)
    name = m.names("secrets")[0]
    vault.reset()
    vault.fault(operation="backup", delay_ms=400)
    out = ok(shell=f"for i in 1 2 3 4 5; do md5sum <{m.path}/secrets/{name} & done; wait")
    assert len(out.split("\n")) == 6 and len(set(out.split("\n")[:5])) == 1
    assert vault.count("backup") == 1


def test_parts_of_a_file_are_read_where_they_are(vault, mount):
    m = mount(vault)
    path = m / "keys" / m.names("keys")[0]
    whole = ok("cat", path, text=False)
    for offset, length in ((0, 1), (1, 100), (len(whole) - 5, 100), (len(whole), 10), (len(whole) + 1000, 10)):
        out = ok("dd", f"if={path}", "bs=1", f"skip={offset}", f"count={length}", "status=none", text=False)
        assert out == whole[offset:offset + length]


def test_a_blob_is_what_az_would_write(vault, mount):
    m = mount(vault)
    for kind in TYPES:
        name = vault.list(kind)[0]
        blob, other = ok("cat", m / kind / f"{name}.blob", text=False), vault.backup(kind, name)
        assert len(blob) == len(other) and is_whole(kind, blob) and is_whole(kind, other)
        assert blob[:len(MAGIC[kind])] == other[:len(MAGIC[kind])]


def test_nothing_is_asked_for_by_a_mount_alone(vaults, mount):
    vault = vaults("first", seed="secrets=60")
    m = mount(vault)
    m.unmount()
    assert vault.count("backup") == 0 and vault.count("get") == 0 and vault.count("versions") == 0


@pytest.mark.parametrize("tool", ["ls -l", "ls -la --color=always", "ls -lR", "du -a", "tree"])
def test_looking_at_names_fetches_nothing(vault, mount, tool):
    m = mount(vault)
    needs(tool)
    vault.reset()
    ok(*tool.split(), m.path)
    assert vault.count("backup") == 0


def test_names_alone_fetch_nothing(vault, mount):
    m = mount(vault)
    vault.reset()
    ok("find", m.path, "-name", "*.blob")
    ok(shell=f"echo {m.path}/*/*.blob")
    ok("ls", "-1", m / "keys")
    assert vault.count("backup") == 0


@pytest.mark.parametrize("tool", ["cp", "rsync", "to /dev/null first"])
def test_with_size_open_a_look_costs_nothing_and_copies_are_whole(vault, mount, tmp_path, tool):
    m = mount(vault, "size=open", "ro")
    out = ok("find", m.path, "-name", "*.blob", "-printf", "%s\n")
    assert set(out.split()) == {"0"} and vault.count("backup") == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    script = COPIES[tool if tool in COPIES else f"tar {tool}"]
    ok(shell=f"set -o pipefail; m={m.path}; d={copy}; {script}")
    copied = tree(copy)
    assert len(copied) == sum(len(vault.list(kind)) for kind in TYPES)
    assert copied == tree(m.path)
    assert vault.count("backup") == len(copied)


def test_after_a_look_by_ls_the_next_tool_still_gets_the_true_size(vault, mount, tmp_path):
    m = mount(vault)
    ok("ls", "-lR", m.path)
    ok("bsdtar", "-C", m.path, "-cf", tmp_path / "a.tar", "secrets")
    out = ok("tar", "-tvf", tmp_path / "a.tar")
    sizes = [int(line.split()[2]) for line in out.splitlines() if line.startswith("-")]
    assert len(sizes) == len(vault.list("secrets")) and all(size > 1000 for size in sizes)


def test_the_programs_that_only_stat_can_be_chosen(vault, mount):
    m = mount(vault, "stat_only=stat:find")
    vault.reset()
    ok("stat", m / "keys" / m.names("keys")[0])
    assert vault.count("backup") == 0
    ok("ls", "-l", m / "keys")
    assert vault.count("backup") == len(vault.list("keys"))


def test_a_read_only_open_is_the_only_one(vault, mount):
    m = mount(vault)
    path = m / "keys" / m.names("keys")[0]
    fails(shell=f"echo x >{path}")
    fails(shell=f"echo x >>{path}")
    fails("truncate", "-s", "0", path)
    fails("chmod", "0600", path)
    fails("touch", path)


# Errors, as the table says.

ERRORS = [
    (dict(status=400, code="BadParameter"), {"EINVAL"}),
    (dict(status=401, code="Unauthorized"), {"EACCES"}),
    (dict(status=403, code="ForbiddenByPolicy"), {"EACCES"}),
    (dict(status=403, code="ForbiddenByRbac"), {"EACCES"}),
    (dict(status=403, code="ForbiddenByFirewall"), {"EACCES"}),
    (dict(status=403, message="… not allowed on this Key, since it is associated with a certificate."), {"EPERM"}),
    (dict(status=404, code="Nothing"), {"EBADMSG"}),
    (dict(status=429), {"EBUSY"}),
    (dict(status=500), {"EIO"}),
    (dict(status=502), {"EIO"}),
    (dict(status=503), {"EIO"}),
    (dict(status=302), {"EBADMSG"}),
    (dict(status=418), {"EBADMSG", "EIO"}),
    (dict(action="garbage"), {"EBADMSG"}),
    (dict(action="stall"), {"ETIMEDOUT"}),
    (dict(action="reset"), {"EIO", "ECONNREFUSED", "EPROTO"}),
    (dict(action="truncate"), {"EIO", "EBADMSG", "EPROTO"}),
]


@pytest.mark.parametrize("fault, errnos", ERRORS, ids=["-".join(map(str, f.values()))[:30] for f, _ in ERRORS])
def test_each_answer_has_its_errno(vault, mount, fault, errnos):
    m = mount(vault, "timeout=3")
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", **fault)
    path = m / "secrets" / f"{name}.blob"
    assert errno_of("open", path) in errnos
    line = m.lines(op="backup", object=f"secrets/{name}")[-1]
    assert line["errno"] in errnos
    if "status" in fault:
        assert line["status"] == str(fault["status"])
    # The others are as well as before, and so is this one afterwards.
    vault.clear()
    for other in vault.list("secrets"):
        assert ok("cat", m / "secrets" / f"{other}.blob", text=False)


@pytest.mark.parametrize("tool", ["cat", "cp", "head -c1"])
def test_a_vault_that_stalls_costs_a_tool_one_time_out(vault, mount, tmp_path, tool):
    m = mount(vault, "timeout=5", "list_ttl=3600")
    name = m.names("secrets")[0]
    ok("cat", m / "secrets" / m.names("secrets")[1])
    vault.process.child.send_signal(signal.SIGSTOP)
    try:
        result = fails(*tool.split(), m / "secrets" / name, *([tmp_path / "copy"] if tool == "cp" else []))
    finally:
        vault.process.child.send_signal(signal.SIGCONT)
    assert 4.5 < result.seconds < 9.5, result
    assert m.line(op="backup", object=f"secrets/{name.removesuffix('.blob')}")["errno"] == "ETIMEDOUT"


def test_the_table_of_errors_is_the_table_that_is_tested():
    page = (ROOT / "docs/errors.md").read_text()
    for errno in set(itertools.chain(*(e for _, e in ERRORS))) - {"EPROTO", "ECONNREFUSED"}:
        assert f"`{errno}`" in page, errno


def test_an_object_that_was_deleted_meanwhile_is_no_such_file(vault, mount):
    m = mount(vault, "list_ttl=3600")
    name = m.names("secrets")[0]
    vault.delete("secrets", name.removesuffix(".blob"))
    assert errno_of("open", m / "secrets" / name) == "ENOENT"


@pytest.mark.seconds(240)
def test_501_versions_are_efbig(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=1,versions=501")
    vault.set_secret("little")
    m = mount(vault)
    name = next(n for n in vault.list("secrets") if n != "little")
    assert errno_of("open", m / "secrets" / f"{name}.blob", seconds=120) == "EFBIG"
    assert m.line(op="backup", object=f"secrets/{name}")["errno"] == "EFBIG"
    # It stays listed, so that a mirror keeps its last good copy and ends non-zero.
    assert f"{name}.blob" in m.names("secrets")
    result = run("rsync", "-a", m / "secrets", tmp_path / "copy")
    assert result.code == 23, result
    assert (tmp_path / "copy/secrets/little.blob").exists()


@pytest.mark.parametrize("deny, code", [("policy", "ForbiddenByPolicy"), ("rbac", "ForbiddenByRbac")])
def test_without_backup_permission_a_type_gives_eacces_and_the_others_still_work(vaults, mount, deny, code):
    vault = vaults("first", seed="keys=1,secrets=1", options=["--deny-kind", deny])
    m = mount(vault)
    vault.rights("keys=*;secrets=list,get,versions;certificates=*")
    name, key = vault.list("secrets")[0], vault.list("keys")[0]
    assert errno_of("open", m / f"secrets/{name}.blob") == "EACCES"
    line = m.line(op="backup", object=f"secrets/{name}")
    assert (line["status"], line["code"]) == ("403", code)
    assert ok("cat", m / f"keys/{key}.blob", text=False)


@pytest.mark.parametrize("tool", ["cat", "cp", "rsync -a", "tar", "bsdtar", "python", "dd"])
def test_one_unreadable_object_fails_the_tool_and_spares_the_others(vault, mount, tmp_path, tool):
    m = mount(vault)
    bad, *good = vault.list("secrets")
    vault.fault(operation="backup", name=bad, status=403, code="ForbiddenByPolicy")
    script = {
        "cat": "cat $m/*.blob >$d/all",
        "cp": "cp $m/*.blob $d/",
        "rsync -a": "rsync -a $m/ $d/",
        "tar": "tar -C $m -cf $d/a.tar .; s=$?; tar -C $d -xf $d/a.tar; exit $s",
        "bsdtar": "bsdtar -C $m -cf $d/a.tar .; s=$?; tar -C $d -xf $d/a.tar; exit $s",
        "python": "/usr/bin/python3 -c 'import shutil, sys; shutil.copytree(*sys.argv[1:], dirs_exist_ok=True)' $m $d",
        "dd": "s=0; for f in $m/*.blob; do dd if=$f of=$d/${f##*/} status=none || s=1; done; exit $s",
    }[tool]
    copy = tmp_path / "copy"
    copy.mkdir()
    result = fails(shell=f"m={m.path}/secrets; d={copy}; {script}")
    assert f"{bad}.blob" in result.err
    # bsdtar stops at the first file that it cannot stat; cat makes one file of all.
    for name in good if tool not in ("bsdtar", "cat") else ():
        assert is_whole("secrets", (copy / f"{name}.blob").read_bytes())
    assert not (copy / f"{bad}.blob").exists() or (copy / f"{bad}.blob").stat().st_size == 0


# An object that changes while somebody looks.

@pytest.mark.parametrize("tool", ["cat", "cp", "rsync", "tar", "bsdtar", "python"])
def test_an_object_renewed_between_stat_and_read_is_an_error_or_whole_never_cut(vaults, mount, tmp_path, tool):
    vault = vaults("first")
    vault.set_secret("moving", "x" * 100)
    m = mount(vault, "list_ttl=1")
    path = m / "secrets/moving.blob"
    before = int(ok("stat", "-c", "%s", path))
    sizes = {before}
    script = {
        "cat": "cat $p >$d/moving.blob",
        "cp": "cp $p $d/",
        "rsync": "rsync -a $p $d/",
        "tar": "tar -C ${p%/*} -c moving.blob | tar -xC $d",
        "bsdtar": "bsdtar -C ${p%/*} -cf - moving.blob | tar -xC $d",
        "python": "/usr/bin/python3 -c 'import shutil, sys; shutil.copy(*sys.argv[1:])' $p $d/",
    }[tool]
    copy = tmp_path / "copy"
    copy.mkdir()
    for i in range(1, 6):
        # Each version adds to the blob, so every state has a size of its own.
        vault.set_secret("moving", "y" * 4000 * i)
        sizes.add(len(vault.backup("secrets", "moving")))
        result = run(shell=f"set -o pipefail; p={path}; d={copy}; {script}")
        file = copy / "moving.blob"
        if result.code == 0:
            assert len(file.read_bytes()) in sizes and is_whole("secrets", file.read_bytes())
        file.unlink(missing_ok=True)
    # And when things are quiet again, the newest is read.
    newest = len(vault.backup("secrets", "moving"))
    listed_again(lambda: int(ok("stat", "-c", "%s", path)) == newest, "the new size")
    assert len(ok("cat", path, text=False)) == newest


def test_a_handle_that_was_opened_before_the_size_changed_fails_for_good_with_estale(vaults, mount, tmp_path):
    vault = vaults("first")
    vault.set_secret("moving", "x" * 100)
    m = mount(vault, "list_ttl=1")
    path = m / "secrets/moving.blob"
    script = """
import errno, os, sys, time
path = sys.argv[1]
os.stat(path)
# O_NOATIME: the open does not fetch, the first read does.
fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
print("open", flush=True)
sys.stdin.readline()
for _ in range(3):
    try:
        print(len(os.pread(fd, 1 << 20, 0)))
    except OSError as e:
        print(errno.errorcode[e.errno])
"""
    size = int(ok("stat", "-c", "%s", path))
    child = subprocess.Popen(["/usr/bin/python3", "-c", script, str(path)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "open\n"
        vault.set_secret("moving", "y" * 9000)
        newest = len(vault.backup("secrets", "moving"))
        listed_again(lambda: int(ok("stat", "-c", "%s", path)) == newest, "the new size")
        out, _ = child.communicate("go\n", timeout=60)
    finally:
        child.kill()
        child.wait()
    # Either the old blob that the handle had (it was kept for it), or ESTALE each time.
    assert out.split() in ([str(size)] * 3, ["ESTALE"] * 3), out


def test_a_new_version_is_seen_after_the_listing_s_time(vaults, mount):
    vault = vaults("first")
    vault.set_secret("one", "v1")
    m = mount(vault, "list_ttl=1")
    path = m / "secrets/one.blob"
    first = ok("cat", path, text=False)
    vault.set_secret("one", "v2 is longer")
    wanted = len(vault.backup("secrets", "one"))
    assert wanted > len(first)
    def length():
        """One reader may meet the change, and fail; what is read is never cut."""
        result = run("cat", path, text=False)
        assert result.code != 0 or len(result.out) in (len(first), wanted)
        return len(result.out)

    listed_again(lambda: length() == wanted, "the new version")


def test_tags_alone_make_the_blob_new(vaults, mount):
    vault = vaults("first")
    version = vault.set_secret("one", "v1")["id"].rpartition("/")[2]
    m = mount(vault, "list_ttl=1")
    path = m / "secrets/one.blob"
    ok("cat", path, text=False)
    vault.reset()
    vault.call("PATCH", f"/secrets/one/{version}", {"tags": {"note": "n" * 200}})
    # One reader may meet the change, and fail.
    # More than one, if another listing ends within two seconds of the change.
    listed_again(lambda: run("cat", path).code == 0 and vault.count("backup") >= 1, "a new backup")


def test_a_small_cache_changes_nothing_but_the_cost(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=40")
    m = mount(vault, "cache_size=20000")
    ok("rsync", "-a", m / "secrets", tmp_path / "copy")
    copied = tree(tmp_path / "copy")
    assert len(copied) == 40 and all(is_whole("secrets", blob) for blob in copied.values())
