"""-o nolist: for who may back up by name, and not list."""
import os
import stat

import pytest

from harness import KVFS, Mount, environment, errno_of, ok, run

RIGHTS = "keys=backup,restore;secrets=backup,restore;certificates=backup"


@pytest.fixture
def vault(vaults):
    v = vaults("first", seed="keys=2,secrets=2,certificates=1")
    v.set_secret("db", "a value")
    v.set_secret("db2", "another value")
    v.rights(RIGHTS)
    return v


def test_nothing_is_listed_and_the_start_needs_a_token_only(vault, mount):
    tokens = vault.count("token", 200)
    m = mount(vault, "nolist")
    assert vault.count("list") == 0 and vault.count("token", 200) == tokens + 1
    for kind in ("keys", "secrets", "certificates"):
        assert stat.S_IMODE(os.stat(m / kind).st_mode) == 0o300
        with pytest.raises(PermissionError):
            os.listdir(m / kind)
    assert vault.count("list") == 0


def test_a_file_is_there_by_its_name_and_its_open_is_the_backup(vault, mount, tmp_path):
    m = mount(vault, "nolist")
    assert os.stat(m / "secrets/db.blob").st_size == 0 and vault.count("backup") == 0
    for name in ("db", "db2"):
        ok("cp", m / f"secrets/{name}.blob", tmp_path / f"{name}.blob")
        assert (tmp_path / f"{name}.blob").read_bytes().startswith(b")AzureKeyVaultSecretBackup")
    assert vault.count("backup", 200) == 2 and vault.count("list") == vault.count("versions") == 0


def test_what_is_not_there_fails_at_the_open(vault, mount):
    m = mount(vault, "nolist")
    assert errno_of("open", m / "secrets/d.blob") == "ENOENT"
    assert vault.count("backup", 404) == 1 and vault.count("versions") == 0
    for name in ("db", "db.txt", "*.blob", "d b.blob", ".blob", "x" * 128 + ".blob"):
        assert errno_of("stat", m / f"secrets/{name}") == "ENOENT"
    assert vault.count("backup") == 1


def test_what_needs_a_list_fails_and_what_does_not_works(vault, mount, tmp_path):
    m = mount(vault, "nolist")
    assert errno_of("open", m / ".kvfs/manifest") == "EACCES"
    assert (m / ".kvfs/status").read_text().startswith("{") and (m / ".kvfs/skipped").read_text() == ""
    assert run("cp", "-r", m.path, tmp_path / "copy").code == 1
    assert run("rsync", "-a", f"{m.path}/", tmp_path / "archive").code == 23
    ok(KVFS, "status", m.path)
    assert vault.count("list") == 0


def test_a_404_of_a_proxy_is_not_that_of_the_vault(vault, mount):
    m = mount(vault, "nolist")
    vault.fault(operation="backup", status=404, code="ResourceMissing", count=1)
    assert errno_of("open", m / "secrets/db.blob") == "EBADMSG"
    ok("cat", m / "secrets/db.blob")


def test_a_change_is_seen_after_the_time_to_live_of_a_list(vault, mount):
    m = mount(vault, "nolist,list_ttl=1")
    ok("cat", m / "secrets/db.blob")
    count = vault.count("backup")
    vault.rights("keys=*;secrets=*;certificates=*")
    vault.set_secret("db", "a new value that is longer")
    vault.rights(RIGHTS)
    ok("sleep", "1.2")
    assert run("cat", m / "secrets/db.blob").code == 0
    assert vault.count("backup") == count + 1


TOOLS = {
    "cp": lambda m, to: ok("cp", m / "secrets/db.blob", m / "secrets/db2.blob", to),
    "cat": lambda m, to: ok("sh", "-c", f"for n in db db2; do cat {m.path}/secrets/$n.blob >{to}/$n.blob; done"),
    "tar": lambda m, to: ok("sh", "-c", f"tar -C {m.path} -cf - secrets/db.blob secrets/db2.blob | "
                            f"tar -C {to} --strip-components=1 -xf -"),
    "rsync": lambda m, to: ok("sh", "-c", f"printf 'secrets/db.blob\\nsecrets/db2.blob\\n' | "
                              f"rsync -t --no-relative --files-from=- {m.path}/ {to}/"),
    "python": lambda m, to: ok("python3", "-c", "import shutil, sys; [shutil.copy(f'{sys.argv[1]}/secrets/{n}.blob', "
                               "sys.argv[2]) for n in ('db', 'db2')]", m.path, to),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("size", ["open", "stat"])
def test_tools_copy_named_files_whole(vault, mount, tmp_path, tool, size):
    m = mount(vault, f"nolist,size={size}")
    to = tmp_path / "to"
    to.mkdir()
    TOOLS[tool](m, to)
    for name in ("db", "db2"):
        blob = (to / f"{name}.blob").read_bytes()
        assert blob.startswith(b")AzureKeyVaultSecretBackup") and blob.count(b".") >= 4
        vault.rights("secrets=*")
        vault.lose("secrets", name)
        vault.restore("secrets", blob)
    assert vault.count("backup", 200) == 2


def test_the_recipe_with_rsync_makes_backups_by_name(vault, mount, tmp_path):
    m = mount(vault, "nolist")
    # A name that the vault does not have fails at the open, which rsync takes for a file that has just vanished.
    (tmp_path / "names").write_text("secrets/db.blob\nsecrets/db2.blob\nsecrets/missing.blob\n")
    result = run("rsync", "-t", "--files-from", tmp_path / "names", f"{m.path}/", tmp_path / "archive")
    assert result.code == 24 and "missing.blob" in result.err  # rsync: "vanished"
    assert sorted(os.listdir(tmp_path / "archive/secrets")) == ["db.blob", "db2.blob"]


def test_a_receipt_is_never_used(vault, mount, tmp_path):
    m = mount(vault, "nolist")
    ok("cp", m / "secrets/db.blob", tmp_path / "db.blob")
    vault.rights("secrets=*")
    vault.lose("secrets", "db")
    vault.rights(RIGHTS)
    ok("cp", "-p", tmp_path / "db.blob", m / "restore/secrets/db.blob")
    assert vault.count("restore", 200) == 1
    assert run("stat", m / "restore/secrets/db.blob").code != 0, "nothing can confirm it"
    assert run("cp", tmp_path / "db.blob", m / "restore/secrets/db.blob").code != 0, "the vault has it: EEXIST"
    assert vault.count("restore", 409) == 1 and vault.count("versions") == 0
    assert "EEXIST" in {line["errno"] for line in m.lines(op="restore") if "errno" in line}


def test_a_close_after_the_one_that_restored_repeats_its_result(vault, mount, tmp_path):
    m = mount(vault, "nolist")
    ok("cp", m / "secrets/db.blob", tmp_path / "db.blob")
    vault.rights("secrets=*")
    vault.lose("secrets", "db")
    vault.rights(RIGHTS)
    ok("/usr/bin/python3", "-c", """
import os, subprocess, sys
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
os.write(fd, open(sys.argv[1], "rb").read())
os.close(os.dup(fd))
subprocess.run([sys.executable, "-c", f"import os; os.close({fd})"], pass_fds=[fd], check=True)  # newer than the restore
""", tmp_path / "db.blob", m / "restore/secrets/db.blob")
    assert vault.count("restore") == 1 and vault.count("versions") == 0


def test_what_other_mounts_keep_is_not_touched(vault, mount, tmp_path):
    vault.rights("secrets=*")
    m = mount(vault, "types=secrets")
    ok("cp", "-r", m / "secrets", tmp_path / "first")
    m.unmount()
    count = vault.count("backup")
    old = [p for p in (tmp_path / "first").iterdir() if not p.name.startswith("db")]  # the others are too new
    assert len(old) == 2
    m = mount(vault, "nolist", again=m)
    ok("cat", m / "secrets" / old[0].name)
    for name in ("none", "nothing"):
        os.stat(m / f"secrets/{name}.blob")
    m.unmount()
    m = mount(vault, "types=secrets", again=m)
    assert "none.blob" not in os.listdir(m / "secrets")
    assert [os.stat(m / "secrets" / p.name).st_size for p in old] == [p.stat().st_size for p in old]
    assert vault.count("backup") == count + 1


def test_without_a_credential_the_start_fails(vault, tmp_path, watchdog):
    m = Mount(tmp_path / "m", ["-o", f"cacert={vault.ca},nolist,auth=env", vault.url],
              environment(vault, AZURE_CLIENT_SECRET="wrong"))
    watchdog.processes.append(m.process)
    assert m.process.wait() == 1 and "AADSTS7000215" in m.process.err
    m.discard()


def test_a_principal_with_the_role_managed_hsm_backup_makes_backups(vaults, mount, tmp_path):
    hsm = vaults("first", seed="keys=1", options=["--hsm"])
    hsm.call("POST", "/keys/mine/create", {"kty": "EC", "crv": "P-256"})
    hsm.rights("keys=backup")
    m = mount(hsm, "nolist")
    ok("cp", m / "keys/mine.blob", tmp_path / "mine.blob")
    assert (tmp_path / "mine.blob").read_bytes().startswith(b"eyJ")
    assert hsm.count("list") == 0
