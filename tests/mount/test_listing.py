"""The tree shows exactly what is in the vault, or fails."""
import json
import os

import pytest

from fakeserver import FakeVault, secret_item
from harness import TYPES, errno_of, eventually, fails, is_mounted, listed_again, ok, run, tree


def stats(path):
    """name -> (mode, size, mtime, inode) for one directory, by ls and stat in processes of their own."""
    out = ok("find", path, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f %m %s %Ts %i %u\n")
    return {line.split()[0]: line.split()[1:] for line in out.splitlines()}


def test_the_tree_has_three_types_and_the_drop_box(vault, mount):
    m = mount(vault)
    assert m.names(".") == ["keys", "secrets", "certificates", "restore"]
    for kind in TYPES:
        assert sorted(m.names(kind)) == sorted(f"{n}.blob" for n in vault.list(kind))
    assert m.names("restore") == []
    m.unmount()


def test_a_read_only_mount_has_no_drop_box(vault, mount):
    m = mount(vault, "ro")
    assert m.names(".") == ["keys", "secrets", "certificates"]
    assert errno_of("list", m / "restore") == "ENOENT"


def test_types_choose_the_directories(vault, mount):
    m = mount(vault, "types=certificates", "ro")
    assert m.names(".") == ["certificates"]
    assert errno_of("list", m / "keys") == "ENOENT"


def test_names_are_shown_in_the_service_s_spelling_and_order(vaults, mount):
    vault = vaults("first")
    names = ["db", "Db-Prod", "DB2", "a", "Z", "0", "x" * 127, "--", "restore", "contacts"]
    for name in names:
        vault.set_secret(name)
    m = mount(vault)
    shown = m.names("secrets")
    assert shown == [f"{n}.blob" for n in vault.list("secrets")]
    assert sorted(shown) == sorted(f"{n}.blob" for n in names)
    assert m.names("keys") == []
    m.unmount()


def test_another_spelling_is_not_there(vaults, mount):
    vault = vaults("first")
    vault.set_secret("Db-Prod")
    m = mount(vault)
    assert errno_of("stat", m / "secrets/Db-Prod.blob") == "0"
    for other in ("db-prod.blob", "DB-PROD.blob", "Db-Prod.BLOB", "Db-Prod", "Db-Prod.blob.", "Db-Prod.txt"):
        assert errno_of("stat", m / "secrets" / other) == "ENOENT", other
    # Nor does the service's own answer to any spelling bring it in.
    assert m.names("secrets") == ["Db-Prod.blob"]


def test_names_that_no_object_can_have_are_not_asked_for(vault, mount):
    m = mount(vault)
    vault.reset()
    for name in ("a_b.blob", "x" * 128 + ".blob", ".blob", "a b.blob", "ä.blob", "%2e.blob", ".hidden", "..blob"):
        assert errno_of("stat", m / "keys" / name) == "ENOENT", name
    assert vault.count("versions") == 0 and vault.count("get") == 0


def test_what_belongs_to_a_certificate_is_not_shown(vaults, mount):
    vault = vaults("first", seed="certificates=3")
    vault.set_secret("single")
    vault.create_key("alone")
    m = mount(vault)
    assert len(m.names("certificates")) == 3
    assert m.names("keys") == ["alone.blob"]
    assert m.names("secrets") == ["single.blob"]
    managed = m.names("certificates")[0]
    assert errno_of("stat", m / "keys" / managed) == "ENOENT"


def test_modes_and_owner(vault, mount):
    m = mount(vault)
    name = m.names("keys")[0]
    me = f"{os.geteuid()} {os.getegid()}"
    assert ok("stat", "-c", "%a %F %h %u %g", m / "keys" / name).strip() == f"600 regular file 1 {me}"
    assert ok("stat", "-c", "%a %F %u %g", m / "restore").strip() == f"700 directory {me}"
    for directory in ("", "keys", "secrets", "certificates"):
        mode, kind, uid, gid = ok("stat", "-c", "%a|%F|%u|%g", m / directory).strip().split("|")
        assert (kind, f"{uid} {gid}") == ("directory", me)
        assert int(mode, 8) in (0o500, 0o700)


def test_the_time_is_that_of_the_newest_update(vaults, mount):
    vault = vaults("first")
    made = vault.set_secret("one")
    m = mount(vault)
    out = ok("stat", "-c", "%Y %Z", m / "secrets/one.blob").split()
    assert [int(x) for x in out] == [made["attributes"]["updated"]] * 2


def test_inode_numbers_are_distinct_and_the_same_on_every_look(vault, mount):
    m = mount(vault)
    first = {f"{k}/{n}": s[3] for k in TYPES for n, s in stats(m / k).items()}
    assert len(set(first.values())) == len(first)
    ok("cat", *[m / name for name in first])
    again = {f"{k}/{n}": s[3] for k in TYPES for n, s in stats(m / k).items()}
    assert first == again


def test_inode_numbers_are_the_same_in_the_next_mount(vault, mount):
    m = mount(vault)
    first = {f"{k}/{n}": s[3] for k in TYPES for n, s in stats(m / k).items()}
    m.unmount()
    m = mount(vault)
    assert {f"{k}/{n}": s[3] for k in TYPES for n, s in stats(m / k).items()} == first


def test_empty_and_short_pages_lose_nothing(vaults, mount):
    vault = vaults("first", seed="secrets=120")
    m = mount(vault)
    assert sorted(m.names("secrets")) == sorted(f"{n}.blob" for n in vault.list("secrets"))
    assert len(m.names("secrets")) == 120


def test_a_vault_with_nothing_in_it_is_empty(vaults, mount):
    m = mount(vaults("first"))
    for kind in TYPES:
        assert m.names(kind) == []
    m.unmount()


@pytest.mark.parametrize("tool", ["glob", "cp", "rsync", "tar", "bsdtar", "find"])
def test_a_listing_that_breaks_off_fails_every_tool(vaults, mount, tmp_path, tool):
    vault = vaults("first", seed="secrets=200")
    m = mount(vault, "list_ttl=1", "timeout=4")
    vault.fault(operation="list", type="secrets", status=503, skip=3)
    copy = tmp_path / "copy"
    copy.mkdir()
    # The listing of the start has run out (list_ttl), so the next look needs a new one.
    listed_again(lambda: errno_of("list", m / "secrets") != "0", "the broken listing")
    script = {
        "glob": f"cp {m.path}/secrets/*.blob {copy}/",
        "cp": f"cp -r {m.path}/secrets {copy}/",
        "rsync": f"rsync -a {m.path}/secrets {copy}/",
        "tar": f"tar -C {m.path} -cf {copy}/a.tar secrets",
        "bsdtar": f"bsdtar -C {m.path} -cf {copy}/a.tar secrets",
        "find": f"find {m.path}/secrets -name '*.blob' -exec cp {{}} {copy}/ +",
    }[tool]
    result = run(shell=script, seconds=90)
    assert result.code > 0, result
    assert m.lines(op="list", errno="EIO") or m.lines(op="list", status="503")


def test_names_that_were_handed_out_before_the_failure_cannot_be_opened(vaults, mount):
    vault = vaults("first", seed="secrets=200")
    m = mount(vault, "list_ttl=1", "timeout=3")
    name = m.names("secrets")[0]
    ok("cat", m / "secrets" / name)
    vault.fault(operation="list", type="secrets", status=503, skip=3)
    listed_again(lambda: errno_of("list", m / "secrets") != "0", "the broken listing")
    assert errno_of("open", m / "secrets" / name) not in ("0", "ENOENT")
    assert errno_of("stat", m / "secrets" / name) not in ("0", "ENOENT")
    vault.clear()
    # Whole again, once a complete listing is in, and not before 10 s.
    eventually(lambda: len(run("ls", m / "secrets").out.split()) == 200, "the whole listing", 40)
    ok("cat", m / "secrets" / name)


@pytest.mark.parametrize("first", ["stat $m/secrets/$n", "cp -r $m/secrets $d"])
def test_long_after_a_listing_broke_off_the_first_access_waits_for_the_next_one(vaults, mount, tmp_path, first):
    vault = vaults("first", seed="secrets=200")
    m = mount(vault, "list_ttl=1", "timeout=3", "types=secrets")
    name = m.names("secrets")[0]
    vault.fault(operation="list", type="secrets", status=503, skip=3)
    listed_again(lambda: errno_of("list", m / "secrets") != "0", "the broken listing")
    vault.clear()
    # Nobody asks for a while; the status is no question about a name.
    status = lambda: json.loads((m / ".kvfs/status").read_text())
    eventually(lambda: status()["objects"]["secrets"]["failure"] is None, "10 s are over", 20)
    (tmp_path / "copy").mkdir()
    result = run(shell=f"m={m.path}; n={name}; d={tmp_path / 'copy'}; {first}")
    assert result.code == 0, result
    if first.startswith("cp"):
        assert len(tree(tmp_path / "copy")) == 200


# Looks at each name as it comes, and swallows that the names end too early, as zip does.
LOOK_AND_SWALLOW = """
import os, sys
try:
    for entry in os.scandir(sys.argv[1]):
        os.stat(entry.path)
        print(entry.path)
except OSError:
    print("ended early", file=sys.stderr)
"""


def test_nothing_of_a_first_listing_that_failed_is_kept_by_the_kernel(vaults, mount):
    vault = vaults("first", seed="secrets=200")
    vault.fault(operation="list", type="secrets", status=503, skip=3)
    m = mount(vault, "types=secrets", "timeout=8")
    looked = run("python3", "-c", LOOK_AND_SWALLOW, m / "secrets")
    paths = looked.out.split()
    assert 0 < len(paths) < 200 and looked.err == "ended early\n", looked
    for path in (paths[0], paths[-1]):
        assert errno_of("stat", path) not in ("0", "ENOENT")
        assert errno_of("open", path) not in ("0", "ENOENT")


# Opens the first name as soon as it is there, and reads it when the names have ended too early.
OPEN_AND_GO_ON = """
import os, sys
with os.scandir(sys.argv[1]) as entries:
    file = open(next(entries).path, "rb", buffering=0)
    try:
        list(entries)
    except OSError:
        print("ended early", file=sys.stderr)
print(file.name, os.fstat(file.fileno()).st_size, len(file.read(1 << 20)))
"""


def test_what_was_opened_before_the_first_listing_failed_can_be_read(vaults, mount):
    vault = vaults("first", seed="secrets=200")
    vault.fault(operation="list", type="secrets", status=503, skip=3)
    m = mount(vault, "types=secrets", "timeout=8")
    went_on = run("python3", "-c", OPEN_AND_GO_ON, m / "secrets")
    path, size, length = went_on.out.split()
    assert went_on.err == "ended early\n" and size == length != "0", went_on
    assert errno_of("stat", path) not in ("0", "ENOENT")
    vault.clear()
    eventually(lambda: errno_of("stat", path) == "0", "the whole listing", 40)
    assert len(ok("cat", path, text=False)) == int(length)


@pytest.mark.parametrize("fault", [dict(status=503), dict(status=404, code="NotFound"), dict(status=403), "gone"])
def test_a_mirror_with_delete_keeps_its_files_when_the_vault_fails(vaults, mount, tmp_path, fault):
    vault = vaults("first", seed="keys=30,secrets=30")
    m = mount(vault, "list_ttl=1", "timeout=2", "ro")
    ok("rsync", "-a", "--delete", f"{m.path}/", tmp_path / "mirror/")
    before = tree(tmp_path / "mirror")
    assert len(before) == 60
    if fault == "gone":
        vault.process.kill()
    else:
        vault.fault(operation="list", **fault)
    listed_again(lambda: errno_of("list", m / "keys") != "0", "the failure")
    fails("rsync", "-a", "--delete", f"{m.path}/", tmp_path / "mirror/")
    assert tree(tmp_path / "mirror") == before


@pytest.mark.parametrize("fault, errnos", [
    (dict(status=403, code="ForbiddenByPolicy"), {"EACCES"}),
    (dict(status=404, code="NotFound"), {"EBADMSG", "EIO"}),
    (dict(action="garbage"), {"EBADMSG"}),
    (dict(status=500), {"EIO"}),
])
def test_a_listing_that_fails_is_never_an_empty_or_missing_directory(vaults, mount, fault, errnos):
    vault = vaults("first", seed="keys=30")
    m = mount(vault, "list_ttl=1", "timeout=2")
    vault.fault(operation="list", type="keys", **fault)
    error = listed_again(lambda: {errno_of("list", m / "keys")} - {"0"}, "the failure")
    assert error <= errnos
    assert m.names("secrets") == []


def test_an_object_made_a_second_ago_is_found_by_its_name(vault, mount):
    m = mount(vault, "list_ttl=3600")
    m.names("secrets")
    vault.set_secret("just-made", "v")
    assert errno_of("stat", m / "secrets/just-made.blob") == "0"
    assert ok("cat", m / "secrets/just-made.blob", text=False).startswith(b")AzureKeyVaultSecretBackupV1")


def test_an_object_that_is_not_there_is_asked_for_once(vault, mount):
    m = mount(vault)
    vault.reset()
    for _ in range(5):
        assert errno_of("stat", m / "secrets/never-was.blob") == "ENOENT"
    assert 1 <= vault.count("versions") <= 2
    assert vault.count("get") == 0


def test_a_missing_object_is_never_reported_because_of_a_failure(vault, mount):
    m = mount(vault, "timeout=2")
    vault.fault(operation="versions", status=503)
    assert errno_of("stat", m / "secrets/perhaps.blob") in ("EIO", "EBUSY", "ETIMEDOUT")


def test_an_object_that_was_deleted_is_gone_when_the_listing_is_renewed(vault, mount):
    m = mount(vault, "list_ttl=1")
    name = vault.list("secrets")[0]
    assert f"{name}.blob" in m.names("secrets")
    vault.delete("secrets", name)
    listed_again(lambda: f"{name}.blob" not in m.names("secrets"), "the name is gone")


def test_a_listing_serves_until_it_expires(vault, mount):
    m = mount(vault, "list_ttl=300")
    m.names("keys")
    vault.reset()
    for _ in range(5):
        ok("ls", m / "keys")
    assert vault.count("list") == 0


def test_a_thousand_names_come_complete_and_nothing_is_fetched_for_them(vaults, mount):
    vault = vaults("first", seed="secrets=1000")
    m = mount(vault)
    result = run("ls", "-1U", m / "secrets")
    assert len(result.out.split()) == 1000
    again = run("ls", "-lU", m / "secrets")
    assert again.code == 0
    assert vault.count("backup") == 0


def test_nothing_can_be_changed_in_the_types_directories(vault, mount):
    m = mount(vault)
    name = m.names("keys")[0]
    before = vault.dump()
    for call, args in (("unlink", [m / "keys" / name]), ("mkdir", [m / "keys/sub"]),
                       ("rename", [m / "keys" / name, m / "keys/other.blob"]), ("rmdir", [m / "keys"]),
                       ("mkdir", [m / "sub"]), ("symlink", ["x", m / "keys/link"]),
                       ("link", [m / "keys" / name, m / "secrets/hard.blob"])):
        assert errno_of(call, *args) in ("EACCES", "EPERM", "EROFS", "ENOTEMPTY", "EBUSY", "ENOSYS", "EOPNOTSUPP",
                                         "EXDEV"), call
    assert vault.dump() == before


@pytest.mark.parametrize("item", [
    secret_item("../../etc/passwd"), secret_item("a_b"), secret_item(""), secret_item("x" * 128), secret_item("a/b/c"),
    secret_item("good", host="evil.example.com"), {"attributes": {}}, {"id": 7}, "no object"])
def test_an_item_that_no_vault_would_list_fails_the_listing(vault, mount, tmp_path, item):
    with FakeVault(tmp_path, {"secrets": [secret_item("fine"), item]}) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment(), wait=False)
        assert m.process.wait(30) == 1
        assert not is_mounted(m.path)
        assert len(m.process.err.splitlines()) <= 2


@pytest.mark.parametrize("link", [
    "https://evil.example.com/secrets?x=1", "http://{host}/secrets?x=1", "/secrets", "junk"])
def test_a_next_link_to_elsewhere_gets_no_token(vault, mount, tmp_path, link):
    def answer(method, path, headers, body):
        if path.startswith("/secrets"):
            return 200, {}, {"value": [secret_item("one", host=fake.host)], "nextLink": link.format(host=fake.host)}
        return None

    with FakeVault(tmp_path, {}, answer=answer) as fake:
        m = mount(vault, f"cacert={fake.ca}", "timeout=3", url=fake.url, env=fake.environment(), wait=False)
        eventually(lambda: is_mounted(m.path) or not m.process.is_running(), "the start", 30)
        if m.process.is_running():
            assert errno_of("list", m / "secrets") == "EBADMSG"


def test_ids_without_the_port_and_numbers_as_text_are_understood(vault, mount, tmp_path):
    # As a server elsewhere was seen to answer.
    def answer(method, path, headers, body):
        if path.startswith("/secrets?"):
            return 200, {}, {"nextLink": None, "value": [secret_item("one", host="fake.localhost")]}
        if path.startswith("/secrets/nope/versions"):
            return 200, {}, {"nextLink": None, "value": []}
        return None

    with FakeVault(tmp_path, {}, answer=answer) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment())
        assert m.names("secrets") == ["one.blob"]
        assert errno_of("stat", m / "secrets/nope.blob") == "ENOENT"
