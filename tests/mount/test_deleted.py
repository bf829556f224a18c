"""deleted/: what was deleted is shown, and mv recovers it."""
import json
import os
import subprocess
import threading
import time

import pytest

from harness import errno_of, eventually, fails, ok, run

KINDS = ["keys", "secrets", "certificates"]


@pytest.fixture
def slow(vaults):
    """A vault that shows a recovered object after two seconds, as the service does after some ten."""
    return vaults("first", seed="keys=2,secrets=2,certificates=2", options=["--recover-lag", "2000"])


def first(vault, kind):
    return vault.list(kind)[0]


def test_nothing_asks_for_deleted_objects_until_somebody_looks(vault, mount, tmp_path):
    vault.delete("secrets", first(vault, "secrets"))
    m = mount(vault)
    vault.reset()
    assert sorted(os.listdir(m.path)) == ["certificates", "keys", "restore", "secrets"]
    ok("cp", "-r", m / "secrets", tmp_path / "copy")
    ok("ls", "-la", m / "deleted")
    assert vault.count("deleted") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_object_says_when_and_until_when(vault, mount, kind):
    name = first(vault, kind)
    vault.delete(kind, name)
    m = mount(vault)
    assert os.listdir(m / f"deleted/{kind}") == [name]
    text = ok("cat", m / f"deleted/{kind}/{name}")
    assert os.stat(m / f"deleted/{kind}/{name}").st_size == len(text)
    about, truth = json.loads(text), vault.call("GET", f"/deleted{kind}/{name}")
    assert about["recoveryId"] == truth["recoveryId"]
    assert about["deletedDate"] == truth["deletedDate"]
    assert about["scheduledPurgeDate"] == truth["scheduledPurgeDate"]
    assert about["recoverableUntil"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(truth["scheduledPurgeDate"]))
    assert errno_of("stat", m / f"deleted/{kind}/nothing") == "ENOENT"
    assert errno_of("stat", m / f"deleted/{kind}/{name.swapcase()}") == "ENOENT"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["", ".blob"])
def test_mv_recovers_and_returns_when_the_vault_shows_it(slow, mount, kind, suffix):
    name = first(slow, kind)
    before = slow.backup(kind, name)
    slow.delete(kind, name)
    m = mount(slow)
    assert f"{name}.blob" not in m.names(kind)
    slow.reset()
    ok("mv", m / f"deleted/{kind}/{name}", m / f"{kind}/{name}{suffix}" if suffix else m / kind)
    assert slow.status("GET", f"/{kind}/{name}/versions") == 200 and name in slow.list(kind)
    assert f"{name}.blob" in m.names(kind) and os.listdir(m / f"deleted/{kind}") == []
    assert len(ok("cat", m / f"{kind}/{name}.blob", text=False)) == len(before)
    assert slow.count("recover") == 1
    if kind == "secrets":
        assert slow.count("get") == 0, "a GET of a secret reveals its value"
    assert name not in m.names(kind)
    if not suffix:
        eventually(lambda: errno_of("stat", m / f"{kind}/{name}") == "ENOENT", "the moment of mv is over", 20)


@pytest.mark.parametrize("kind", KINDS)
def test_mv_of_several_names_recovers_them_without_a_message(vaults, mount, kind):
    vault = vaults("first", seed=f"{kind}=3")
    names = vault.list(kind)
    for name in names:
        vault.delete(kind, name)
    m = mount(vault)
    done = run(shell=f"mv {m.path}/deleted/{kind}/* {m.path}/{kind}/")
    assert (done.code, done.err) == (0, "")
    assert sorted(m.names(kind)) == sorted(f"{name}.blob" for name in names)


def test_a_recovery_that_takes_too_long_is_ebusy(vaults, mount):
    vault = vaults("first", seed="secrets=1", options=["--recover-lag", "600000"])
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault, "timeout=3")
    assert "busy" in fails("mv", m / f"deleted/secrets/{name}", m / "secrets").err.lower()
    assert "does not show the object yet" in m.line(op="recover", errno="EBUSY")["why"]


def test_a_lost_answer_is_decided_by_looking(slow, mount):
    name = first(slow, "secrets")
    slow.delete("secrets", name)
    m = mount(slow)
    slow.fault(operation="recover", action="applied-reset", count=1)
    ok("mv", m / f"deleted/secrets/{name}", m / "secrets")
    assert name in slow.list("secrets") and slow.count("recover") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_recovery_that_never_arrived_is_sent_again(slow, mount, kind):
    name = first(slow, kind)
    slow.delete(kind, name)
    m = mount(slow)
    slow.fault(operation="recover", action="reset", count=1)
    ok("mv", m / f"deleted/{kind}/{name}", m / kind)
    assert name in slow.list(kind) and slow.count("recover") >= 1


def test_a_recovery_without_any_answer_is_ebusy_and_one_line(slow, mount):
    name = first(slow, "keys")
    slow.delete("keys", name)
    m = mount(slow, "timeout=3")
    slow.fault(operation="recover", action="stall")
    assert "busy" in fails("mv", m / f"deleted/keys/{name}", m / "keys").err.lower()
    assert "has accepted" not in m.line(op="recover", errno="EBUSY")["why"]


def test_a_recovery_that_cannot_be_confirmed_says_what_was_done_and_what_is_needed(vault, mount):
    name = first(vault, "keys")
    vault.delete("keys", name)
    m = mount(vault)
    assert os.listdir(m / "deleted/keys") == [name]
    vault.rights("keys=recover;secrets=*;certificates=*", deny="policy")
    assert "ermission" in fails("mv", m / f"deleted/keys/{name}", m / "keys").err
    why = m.line(op="recover", errno="EACCES")["why"]
    assert "has accepted the recovery" in why and "permission list" in why


def test_on_a_managed_hsm_the_permission_to_confirm_has_its_own_name(vaults, mount):
    hsm = vaults("first", seed="keys=1", options=["--hsm"])
    m = mount(hsm)
    name = m.names("keys")[0].removesuffix(".blob")
    hsm.delete("keys", name)
    assert os.listdir(m / "deleted/keys") == [name]
    hsm.rights("keys=recover")
    assert "ermission" in fails("mv", m / f"deleted/keys/{name}", m / "keys").err
    why = m.line(op="recover", errno="EACCES")["why"]
    assert "has accepted the recovery" in why and why.endswith("that needs a role with keys/read/action")


def test_for_a_moment_after_mv_the_name_is_the_object_and_no_listing_shows_it(vault, mount):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault)
    ok("mv", m / f"deleted/secrets/{name}", m / "secrets")
    assert ok("cat", m / f"secrets/{name}", text=False) == ok("cat", m / f"secrets/{name}.blob", text=False)
    assert m.names("secrets").count(name) == 0 and f"{name}.blob" in m.names("secrets")


def test_another_object_of_the_name_is_no_recovery(vault, mount):
    name = first(vault, "secrets")
    created = vault.call("GET", f"/secrets/{name}")["attributes"]["created"]
    vault.delete("secrets", name)
    m = mount(vault)
    assert os.listdir(m / "deleted/secrets") == [name]
    vault.purge("secrets", name)
    eventually(lambda: time.time() > created + 1, "a later second, in which the other object is created")
    vault.call("PUT", f"/secrets/{name}", {"value": "another"})
    vault.fault(operation="recover", action="reset", count=1)
    fails("mv", m / f"deleted/secrets/{name}", m / "secrets")
    assert "another object" in m.line(op="recover", errno="EEXIST")["why"]


def older_state(vault, kind, name):
    """A backup of the object, which then gets a new version, or later attributes, in a later second."""
    old = vault.backup(kind, name)
    updated = vault.call("GET", f"/{kind}/{name}")["attributes"]["updated"]
    eventually(lambda: time.time() > updated + 1, "a later second, in which the object is changed")
    if kind == "secrets":
        vault.set_secret(name, value="new")
    else:
        vault.call("PATCH", f"/{kind}/{name}/", {"tags": {"changed": "1"}})
    return old


@pytest.mark.parametrize("kind", ["secrets", "keys"])
@pytest.mark.parametrize("is_listed", [True, False])
def test_an_older_state_that_was_restored_meanwhile_is_no_recovery(vault, mount, kind, is_listed):
    name = first(vault, kind)
    old = older_state(vault, kind, name)
    vault.delete(kind, name)
    m = mount(vault)
    if is_listed:
        assert os.listdir(m / f"deleted/{kind}") == [name]
    vault.fault(operation="recover", action="reset")
    mover = threading.Thread(target=lambda: moved.append(run("mv", m / f"deleted/{kind}/{name}", m / kind)))
    moved = []
    mover.start()
    eventually(lambda: vault.count("recover") > 0, "the recovery that never arrives")
    vault.purge(kind, name)
    vault.restore(kind, old)
    mover.join(60)
    assert moved[0].code != 0 and moved[0].err
    lines = eventually(lambda: m.lines(op="recover", errno="EEXIST"), "the reason in the log")
    assert "older state" in lines[0]["why"]  # mv may try it twice


@pytest.mark.parametrize("kind", ["secrets", "keys"])
def test_a_version_that_was_made_after_the_recovery_does_not_hide_the_recovered_one(slow, mount, kind):
    name = first(slow, kind)
    slow.delete(kind, name)
    m = mount(slow)
    os.stat(m / f"deleted/{kind}/{name}")
    slow.fault(operation="recover", action="applied-reset", count=1)
    slow.fault(operation="get" if kind == "keys" else "versions", type=kind, status=404, code="KeyNotFound", count=2)
    mover = threading.Thread(target=lambda: moved.append(run("mv", m / f"deleted/{kind}/{name}", m / kind)))
    moved = []
    mover.start()
    eventually(lambda: name in slow.list(kind), "the recovery has taken effect")
    if kind == "secrets":
        slow.set_secret(name, value="new")
    else:
        slow.create_key(name)
    mover.join(60)
    assert moved[0].code == 0, moved[0].err


def test_only_the_folder_of_its_type_and_its_own_name_will_do(vault, mount, tmp_path):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault)
    path = m / f"deleted/secrets/{name}"
    for to in ("keys/" + name, "secrets/other", "restore/" + name, "deleted/secrets/other", "deleted/keys/" + name,
               f"secrets/{name}.json"):
        assert errno_of("rename", path, m / to) == "EINVAL", to
    assert "its own name" in m.lines(op="recover", errno="EINVAL")[0]["why"]
    assert vault.count("recover") == 0
    assert errno_of("unlink", path) == "EPERM" and errno_of("rmdir", m / "deleted/secrets") == "EACCES"
    assert "ermission" in fails(shell=f"echo x >>{path}").err
    assert vault.count("purge") == 0 and vault.count("deleted") > 0


def test_what_was_purged_meanwhile_cannot_be_recovered(vault, mount):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault)
    assert os.listdir(m / "deleted/secrets") == [name]
    vault.purge("secrets", name)
    assert "No such file" in fails("mv", m / f"deleted/secrets/{name}", m / "secrets").err
    assert f"{name}.blob" not in m.names("secrets")


def test_what_somebody_else_recovered_is_no_longer_there(vault, mount):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault)
    assert os.listdir(m / "deleted/secrets") == [name]
    vault.call("POST", f"/deletedsecrets/{name}/recover", b"")
    fails("mv", m / f"deleted/secrets/{name}", m / "secrets")
    ok("cat", m / f"secrets/{name}.blob", text=False)


def test_a_refusal_names_the_action(vault, mount):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    vault.rights("keys=*;secrets=list,get,backup;certificates=*", deny="rbac")
    m = mount(vault)
    assert "ermission" in fails("mv", m / f"deleted/secrets/{name}", m / "secrets").err
    assert "secrets/recover/action" in m.line(op="recover", errno="EACCES")["why"]


def test_the_list_of_deleted_objects_fails_whole(vault, mount):
    vault.delete("secrets", first(vault, "secrets"))
    vault.rights("keys=list,backup;secrets=backup,list;certificates=*")
    m = mount(vault, "timeout=3")
    vault.fault(operation="deleted", status=503)
    assert errno_of("listdir", m / "deleted/secrets") not in (None, "ENOENT")
    vault.clear()
    assert len(os.listdir(m / "deleted/secrets")) == 1


def test_a_long_list_of_deleted_objects_is_whole(vaults, mount):
    vault = vaults("first", seed="secrets=60", options=["--page", "7"])
    names = vault.list("secrets")
    for name in names[:40]:
        vault.call("DELETE", f"/secrets/{name}")
    m = mount(vault)
    assert sorted(os.listdir(m / "deleted/secrets")) == sorted(names[:40])
    vault.reset()
    listed = ok("ls", "-l", m / "deleted/secrets").splitlines()
    assert len(listed) == 41 and vault.count("deleted") <= 8, "ls -l asks once for the whole list"


def test_a_managed_key_is_recovered_with_its_certificate(slow, mount):
    name = first(slow, "certificates")
    slow.delete("certificates", name)
    m = mount(slow)
    assert name not in os.listdir(m / "deleted/keys") and name not in os.listdir(m / "deleted/secrets")
    assert errno_of("stat", m / f"deleted/keys/{name}") == "ENOENT"
    ok("mv", m / f"deleted/certificates/{name}", m / "certificates")
    assert slow.status("GET", f"/keys/{name}") == 200


def test_read_only_shows_and_does_not_recover(vault, mount):
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    m = mount(vault, "ro")
    json.loads(ok("cat", m / f"deleted/secrets/{name}"))
    assert "ead-only" in fails("mv", m / f"deleted/secrets/{name}", m / "secrets").err
    m.unmount()
    m = mount(vault, "dry_run", again=m)
    assert errno_of("rename", m / f"deleted/secrets/{name}", m / f"secrets/{name}") == "EROFS"
    assert vault.count("recover") == 0


def test_deleted_again_and_again(slow, mount):
    name = first(slow, "secrets")
    m = mount(slow)
    for _ in range(2):
        slow.delete("secrets", name)
        ok("mv", m / f"deleted/secrets/{name}", m / "secrets")
        assert name in slow.list("secrets")


@pytest.mark.parametrize("state, said", [("accepted", "has accepted the recovery"), ("unanswered", "may be carried out")])
@pytest.mark.parametrize("end", ["signal", "unmount"])
def test_a_recovery_that_is_interrupted_leaves_a_line_that_it_goes_on(vaults, mount, state, said, end):
    vault = vaults("first", seed="secrets=2", options=["--recover-lag", "600000"])
    name = first(vault, "secrets")
    vault.delete("secrets", name)
    if state == "unanswered":
        vault.fault(operation="recover", action="stall")
    m = mount(vault)
    mover = subprocess.Popen(["mv", m / f"deleted/secrets/{name}", m / "secrets"], stderr=subprocess.DEVNULL)
    eventually(lambda: vault.count("recover") == 1, "the recovery")
    if state == "accepted":
        eventually(lambda: vault.count("versions") > 0, "the first look")
    (mover if end == "signal" else m.process.child).terminate()
    assert mover.wait(20) != 0
    assert said in m.line(op="recover", errno="EINTR" if end == "signal" else "EIO")["why"]


def test_mv_that_is_killed_and_an_unmount_meanwhile_leave_nothing_hanging(vaults, mount):
    vault = vaults("first", seed="secrets=2", options=["--recover-lag", "600000"])
    one, two = vault.list("secrets")
    vault.delete("secrets", one)
    vault.delete("secrets", two)
    m = mount(vault)
    assert run("timeout", "1", "mv", m / f"deleted/secrets/{one}", m / "secrets", seconds=20).code == 124
    before = vault.count("recover")
    mover = threading.Thread(target=run, args=("mv", m / f"deleted/secrets/{two}", m / "secrets"))
    mover.start()
    eventually(lambda: vault.count("recover") > before, "the second recovery")
    m.process.child.terminate()
    mover.join(20)
    assert not mover.is_alive()
