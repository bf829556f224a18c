""".kvfs/ and kvfs status: what a mount says about itself, and nothing that is secret."""
import hashlib
import json
import os
import re
import subprocess

import pytest

from harness import KVFS, TYPES, errno_of, eventually, fails, is_mounted, listed_again, ok, run

NOBODY = 65534
FILES = ["log", "manifest", "manifest-now", "metrics", "skipped", "status", "vault.json"]


def read(m, name):
    return ok("cat", m / ".kvfs" / name)


def status(m):
    return json.loads(read(m, "status"))


def manifest(m):
    lines = [json.loads(line) for line in read(m, "manifest").splitlines()]
    return lines[0], {(x["type"], x["name"]): x for x in lines[1:]}


def metrics(m):
    pairs = [line.rsplit(" ", 1) for line in read(m, "metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def test_the_folder_is_found_by_name_and_not_listed(vault, mount, tmp_path):
    m = mount(vault)
    assert ".kvfs" not in ok("ls", "-A", m.path).split()
    assert sorted(ok("ls", "-A", m / ".kvfs").split()) == FILES
    for name in FILES:
        found = os.stat(m / ".kvfs" / name)
        assert (found.st_mode & 0o7777, found.st_size) == (0o400, 0)
    ok("cp", "-r", m.path, tmp_path / "copy")
    assert not (tmp_path / "copy" / ".kvfs").exists()


def test_nothing_can_be_written_there(vault, mount):
    m = mount(vault)
    assert errno_of("create", m / ".kvfs" / "x") == "EACCES"
    assert errno_of("create", m / ".kvfs" / "status") == "EACCES"
    assert errno_of("unlink", m / ".kvfs" / "log") == "EACCES"
    assert errno_of("mkdir", m / ".kvfs" / "x") == "EACCES"
    assert errno_of("stat", m / ".kvfs" / "nosuch") == "ENOENT"


def test_an_open_file_is_of_its_moment(vault, mount):
    m = mount(vault)
    with open(m / ".kvfs" / "metrics", encoding="utf-8") as f:
        before = f.readline()
        for name in m.names("secrets"):
            ok("cat", m / "secrets" / name)
        rest = f.read()
    assert 'operation="backup"' not in before + rest
    assert metrics(m)['kvfs_requests_total{operation="backup",status="200"}'] == 4


def test_the_manifest_says_of_each_object_what_an_archive_needs(vaults, mount, tmp_path):
    vault = vaults("first", seed="keys=5,secrets=60,certificates=4")
    vault.set_secret("late", attributes={"exp": 2000000000, "enabled": True})
    m = mount(vault)
    head, objects = manifest(m)
    assert head["vault"] == vault.url.removeprefix("https://").rstrip("/")
    assert head["region"] == "westus" and re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z", head["listed"])
    assert head["objects"] == len(objects)
    assert set(objects) == {(kind, name) for kind in TYPES for name in vault.list(kind)}
    assert all(x["size"] is None and x["sha256"] is None for x in objects.values())
    assert objects["secrets", "late"]["expires"] == "2033-05-18T03:33:20Z"
    ok("cp", "-r", m / "secrets", tmp_path / "copy")
    _, objects = manifest(m)
    for path in (tmp_path / "copy").iterdir():
        x = objects["secrets", path.name.removesuffix(".blob")]
        assert x["size"] == path.stat().st_size
        assert x["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert objects["keys", vault.list("keys")[0]]["size"] is None


def test_the_manifest_waits_for_the_listing_and_fails_with_it(vaults, mount):
    vault = vaults("first", seed="secrets=100")
    m = mount(vault, "list_ttl=1")
    eventually(lambda: status(m)["objects"]["secrets"]["shown"] == 100, "the listing")
    vault.fault(operation="list", status=403, code="Forbidden")
    listed_again(lambda: errno_of("read", m / ".kvfs" / "manifest") == "EACCES", "an error instead of a part")
    # The listing of another type may have failed a moment earlier, and the status asks for none.
    listed_again(lambda: run("ls", m / "secrets") and status(m)["objects"]["secrets"]["failure"] == "EACCES",
                 "the failure in the status")
    vault.clear()
    listed_again(lambda: errno_of("read", m / ".kvfs" / "manifest") == "0", "all of it again")
    assert manifest(m)[0]["objects"] == 100


def test_the_status_and_the_metrics_count_what_the_vault_counts(vaults, mount, tmp_path):
    vault = vaults("first", seed="keys=3,secrets=30,certificates=2")
    m = mount(vault)
    count = sum(len(vault.list(kind)) for kind in TYPES)
    ok("rsync", "-a", m / "keys", m / "secrets", m / "certificates", tmp_path / "copy")
    vault.fault(operation="backup", status=403, code="Forbidden")
    found, numbers = status(m), metrics(m)
    assert numbers['kvfs_requests_total{operation="backup",status="200"}'] == vault.count("backup", 200) == count
    assert {"operation": "backup", "status": 200, "count": count} in found["requests"]
    assert numbers['kvfs_requests_total{operation="token",status="200"}'] == 1
    assert sum(x["shown"] for x in found["objects"].values()) == count
    assert numbers['kvfs_objects_not_shown{type="keys"}'] == found["objects"]["keys"]["not_shown"] == 2
    size = sum(p.stat().st_size for p in (tmp_path / "copy").rglob("*.blob"))
    assert numbers["kvfs_blob_bytes_total"] == found["cache"]["bytes_fetched"] == size
    assert found["files"] == {"read": count, "restored": 0, "imported": 0, "failed": 0}
    assert found["rates"][0]["class"] == "all" and found["rates"][0]["rate"] == 400
    assert found["archive"] is None and found["paused"] is False


def test_during_an_archive_the_status_tells_how_far_it_is(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=300")
    m = mount(vault, rate=50)
    eventually(lambda: status(m)["objects"]["secrets"]["shown"] == 300, "the listing")
    child = subprocess.Popen(["rsync", "-a", str(m / "secrets"), str(tmp_path / "copy")])
    try:
        archive = eventually(lambda: (status(m)["archive"] or {"fetched": 0})["fetched"] and status(m)["archive"],
                             "an archive under way")
        assert archive["known"] == 300 == archive["fetched"] + archive["left"]
        assert archive["rate"] > 0 and archive["seconds_left"] >= 0
        assert "of 300 downloaded, " in ok(KVFS, "status", m.path)
    finally:
        child.kill()
        child.wait()


def test_what_is_not_shown_or_was_refused_is_skipped_with_its_reason(vault, mount):
    m = mount(vault, "types=keys:secrets", "size=open")
    m.names("keys")
    managed = next(x for x in vault.pages("/keys") if x.get("managed"))["kid"].rpartition("/")[2]
    assert f"keys/{managed}\tnot shown, and not in this mount: the backup of certificates/{managed} holds it" in \
        read(m, "skipped")
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, status=403, code="ForbiddenByRbac")
    fails("cat", m / "secrets" / f"{name}.blob")
    assert f"secrets/{name}\tno backup: EACCES" in read(m, "skipped")
    failure, = status(m)["failures"]
    assert "code=ForbiddenByRbac" in failure and f"object=secrets/{name}" in failure
    assert failure in read(m, "log").splitlines()
    assert f"backup secrets/{name}: 403 ForbiddenByRbac, EACCES" in ok(KVFS, "status", m.path)
    vault.clear()
    ok("cat", m / "secrets" / f"{name}.blob")
    assert f"secrets/{name}" not in read(m, "skipped")


def test_the_log_has_the_audit_newest_last(vault, mount):
    m = mount(vault)
    first, second = vault.list("secrets")[:2]
    for name in (first, second):
        ok("cat", m / "secrets" / f"{name}.blob")
    lines = read(m, "log").splitlines()
    assert all(re.match(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z (error|warning|notice|info) \S+=", x) for x in lines)
    places = [next(i for i, x in enumerate(lines) if f"op=read object=secrets/{name}" in x)
              for name in (first, second)]
    assert places == sorted(places)


def test_nothing_secret_is_in_any_of_them(vault, mount):
    vault.set_secret("treasure", "the-value-of-the-secret")
    m = mount(vault)
    blob = subprocess.run(["cat", str(m / "secrets" / "treasure.blob")], check=True, capture_output=True).stdout
    text = "".join(read(m, name) for name in FILES) + ok(KVFS, "status", m.path)
    for secret in ("the-value-of-the-secret", vault.secret, vault.token(), "Bearer", blob[-40:].decode("latin-1")):
        assert secret not in text


def test_kvfs_status_is_for_people(vault, mount, tmp_path):
    m = mount(vault)
    ok("cp", "-r", m / "secrets", tmp_path / "copy")
    text = ok(KVFS, "status", m.path)
    assert text.startswith(vault.host())
    assert re.search(r"^objects +3 keys, 4 secrets, 2 certificates; 4 not shown", text, re.M)
    assert re.search(r"^requests .* 4 backup", text, re.M)
    assert ok(KVFS, "status", ".", cwd=m.path).splitlines()[1] == text.splitlines()[1]


def test_a_watched_status_ends_with_the_mount(vault, mount):
    m = mount(vault)
    watch = subprocess.Popen([KVFS, "status", "--watch", str(m.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert watch.stdout.readline().startswith(vault.host())
        assert any(line.startswith(vault.host()) for line in watch.stdout)  # once more, a second later
        m.unmount()
        assert watch.wait(10) == 0
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


@pytest.mark.parametrize("arguments, says", [
    ([], "kvfs: status: no mount point is given\nusage: kvfs status MOUNTPOINT"),
    (["x", "--what"], "kvfs: status: unknown option '--what'\nusage: kvfs status MOUNTPOINT"),
    (["nosuch"], "nosuch: No such file or directory"), (["empty"], "nothing is mounted on empty"),
    (["/proc"], "/proc is a mount of proc, not of kvfs")], ids=lambda x: "-".join(x) if isinstance(x, list) else "")
def test_what_is_no_mount_of_kvfs_is_one_sentence(tmp_path, arguments, says):
    (tmp_path / "empty").mkdir()
    result = run(KVFS, "status", *arguments, cwd=tmp_path)
    assert result.code == 1 and result.out == ""
    assert says in result.err and result.err.count("\n") == 1 + says.count("\n")


def test_another_users_mount_is_not_shown(vault, mount):
    if os.geteuid() != 0:
        pytest.skip("needs root, to ask as another user")
    m = mount(vault)
    result = run(KVFS, "status", m.path.name, cwd=m.path.parent, user=NOBODY)
    assert result.code == 1 and "another user's" in result.err and result.err.count("\n") == 1


def test_a_mount_whose_kvfs_was_killed_is_told_as_that(vault, mount):
    m = mount(vault)
    m.process.kill()
    assert is_mounted(m.path)
    result = run(KVFS, "status", m.path)
    assert result.code == 1 and "has ended: kvfs umount " in result.err

def test_manifest_now_is_of_listings_that_began_after_the_open(vault, mount):
    m = mount(vault, "list_ttl=3600")
    ok("ls", m / "secrets")
    vault.set_secret("new")
    assert ("secrets", "new") not in manifest(m)[1]
    lines = [json.loads(line) for line in read(m, "manifest-now").splitlines()]
    assert ("secrets", "new") in {(x["type"], x["name"]) for x in lines[1:]}
    vault.fault(operation="list", type="secrets", status=403)
    assert errno_of("open", m / ".kvfs/manifest-now") == "EACCES"


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
@pytest.mark.parametrize("option", ["", "--watch"])
def test_a_status_that_cannot_be_printed_is_a_failure(vault, mount, option, to):
    m = mount(vault)
    result = fails(shell=f"{KVFS} status {m.path} {option} {to}")
    assert result.code == 1 and result.err.startswith("kvfs: standard output: ") and result.err.count("\n") == 1
