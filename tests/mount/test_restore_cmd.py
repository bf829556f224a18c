"""kvfs plan and kvfs restore: an archive into a vault, at the vault's pace."""
import base64
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import KVFS, eventually, ok, run

KINDS = ("keys", "secrets", "certificates")


@pytest.fixture
def two(vaults):
    """A full vault and an empty one."""
    return vaults("full", "empty", seed="keys=3,secrets=5,certificates=2,versions=2,vault=full")


@pytest.fixture
def archive(two, mount, tmp_path):
    """The archive of the full vault, as rsync makes it, with the manifest beside it."""
    m = mount(two, "ro", name="full")
    folder = tmp_path / "archive"
    ok("rsync", "-a", f"{m.path}/", f"{folder}/")
    (tmp_path / "archive.manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    m.unmount()
    return folder


def names(vault, name):
    return sorted(f"{kind}/{n}" for kind in KINDS for n in vault.list(kind, vault=name))


def restore(*args, seconds=60, **kwargs):
    return run(KVFS, "restore", *args, seconds=seconds, **kwargs)


def plan(*args):
    return run(KVFS, "plan", *args)


def verdicts(out):
    return {line.split()[1].rstrip(":"): line.split()[0] for line in out.splitlines()[:-1]}


def test_an_archive_is_restored_whole_and_a_second_run_sends_nothing(two, archive, mount):
    m = mount(two, name="empty")
    result = restore(archive, m.path)
    assert result.code == 0, result
    assert result.out.splitlines()[-1].startswith("10 restored, 0 present, 0 failed, 0 differ, 0 deleted")
    assert names(two, "empty") == names(two, "full")
    for kind in KINDS:
        for name in two.list(kind, vault="full"):
            assert two.versions(kind, name, vault="full") == two.versions(kind, name, vault="empty")
    two.reset()
    result = restore(archive, m.path)
    assert result.code == 0 and "0 restored, 10 present" in result.out
    assert two.count("restore") == 0 and two.count("backup") == 0


def test_plan_says_what_restore_does_and_only_lists(two, archive, mount):
    m = mount(two, name="empty")
    two.reset()
    result = plan(archive, m.path)
    assert result.code == 0, result
    assert set(verdicts(result.out).values()) == {"restore"} and len(verdicts(result.out)) == 10
    assert result.out.splitlines()[-1] == "10 restore"
    requests = {op for op, counts in two.stats()["requests"].items() if counts}
    assert requests <= {"list", "deleted", "token", "challenge"}, requests
    assert names(two, "empty") == []


def test_certificates_are_first(two, archive, mount):
    m = mount(two, name="empty")
    kinds = [path.split("/")[0] for path in verdicts(plan(archive, m.path).out)]
    assert kinds[:2] == ["certificates"] * 2


def test_what_differs_and_what_is_deleted_is_reported_and_left(two, archive, mount):
    other, gone = two.list("secrets", vault="full")[:2]
    two.set_secret(other, "something else", vault="empty")
    two.restore("secrets", (archive / f"secrets/{gone}.blob").read_bytes(), vault="empty")
    two.delete("secrets", gone, vault="empty")
    m = mount(two, name="empty")
    said = plan(archive, m.path)
    assert said.code == 1 and verdicts(said.out)[f"secrets/{other}.blob"] == "differs"
    assert verdicts(said.out)[f"secrets/{gone}.blob"] == "deleted"
    result = restore(archive, m.path)
    assert result.code == 1
    assert "8 restored, 0 present, 0 failed, 1 differ, 1 deleted" in result.out
    command = re.search(r"to recover it: (mv .*)", result.out).group(1)
    assert len(two.versions("secrets", other, vault="empty")) == 1
    ok("sh", "-c", command)
    result = restore(archive, m.path)
    # recovered, and not restored from this archive, which is of another vault
    assert result.code == 1 and "0 restored, 8 present, 0 failed, 1 differ, 0 deleted, 1 unproved" in result.out


def test_a_refused_file_is_in_the_table_with_the_reason_and_the_others_are_restored(two, archive, mount):
    bad = archive / "secrets/damaged.blob"
    bad.write_bytes((archive / "secrets").glob("*.blob").__next__().read_bytes()[:500])
    m = mount(two, name="empty")
    result = restore(archive, m.path)
    assert result.code == 1 and "10 restored" in result.out and "1 failed" in result.out
    line = next(x for x in result.out.splitlines() if x.startswith("failed"))
    assert "secrets/damaged.blob: Invalid argument: " in line
    assert names(two, "empty") == names(two, "full")


def test_what_somebody_deletes_between_two_runs_is_restored_again(two, archive, mount):
    m = mount(two, "list_ttl=3600", name="empty")
    assert restore(archive, m.path).code == 0
    name = two.list("secrets", vault="full")[0]
    two.lose("secrets", name, vault="empty")
    result = restore(archive, m.path)
    assert result.code == 0 and "1 restored, 9 present" in result.out, result
    assert names(two, "empty") == names(two, "full")


def test_only_the_named_paths(two, archive, mount):
    m = mount(two, name="empty")
    name = two.list("keys", vault="full")[0]
    result = restore(archive, m.path, "certificates", f"keys/{name}.blob")
    assert result.code == 0 and result.out.startswith("3 restored")
    result = restore(archive, m.path, "nothing")
    assert result.code == 2 and "nothing" in result.err


def test_a_single_file_and_a_folder_called_as_its_type(two, archive, mount):
    m = mount(two, name="empty")
    name = two.list("keys", vault="full")[0]
    assert restore(archive / f"keys/{name}.blob", m.path).out.startswith("1 restored")
    assert restore(archive / "keys", m.path).out.startswith("2 restored, 1 present")


def test_of_several_files_of_an_object_in_one_archive_the_newest_is_restored(two, archive, mount, tmp_path):
    m = mount(two, name="full")
    name = two.list("secrets", vault="full")[0]
    (archive / "secrets/old").mkdir()
    shutil.move(archive / f"secrets/{name}.blob", archive / "secrets/old")
    two.set_secret(name, "newer", vault="full")
    m.unmount()
    m = mount(two, "ro", name="full", again=m)
    ok("cp", "-a", m / f"secrets/{name}.blob", archive / "secrets")
    m.unmount()
    m = mount(two, name="empty")
    said = verdicts(plan(archive, m.path).out)
    assert said[f"secrets/old/{name}.blob"] == "older" and said[f"secrets/{name}.blob"] == "restore"
    assert restore(archive, m.path).code == 0
    assert two.versions("secrets", name, vault="empty") == two.versions("secrets", name, vault="full")


def test_the_archive_of_several_vaults_or_states_is_refused_before_anything_is_written(vaults, mount, tmp_path):
    vault = vaults("europe", "states", "rebuilt")
    for name in ("europe", "states"):
        vault.set_secret("db", name, vault=name)
    vault.set_secret("only", vault="states")
    m = mount(vault, "ro", targets=[vault.urls["europe"], vault.urls["states"]])
    archive = tmp_path / "archive"
    ok("rsync", "-a", f"{m.path}/", f"{archive}/")
    m.unmount()
    m = mount(vault, name="rebuilt")
    for command in ("restore", "plan"):
        result = run(KVFS, command, f"{archive}/", m.path)
        assert result.code == 2 and result.out == "", result
        for words in ("europe/secrets/db.blob", "states/secrets/db.blob", f"as in {archive}/europe"):
            assert words in result.err, result
    assert vault.count("restore") == 0 and vault.list("secrets", vault="rebuilt") == []
    # nothing is ambiguous about these
    assert restore(archive, m.path, "states/secrets/only.blob").code == 0
    assert restore(archive / "europe", m.path).code == 0
    assert vault.call("GET", "/secrets/db", vault="rebuilt")["value"] == "europe"
    assert run(KVFS, "verify", archive, m.path).code == 3


def test_a_manifest_that_is_older_than_the_files_is_not_their_state(vaults, mount, tmp_path):
    vault = vaults("one")
    m = mount(vault)
    first = vault.set_secret("db", "first")["attributes"]["updated"]
    old = vault.backup("secrets", "db")
    ok("cat", m / "secrets/db.blob")
    manifest = ok("cat", m / ".kvfs/manifest-now")
    eventually(lambda: vault.set_secret("db", "second")["attributes"]["updated"] > first, "a later second")
    ok("cat", m / ".kvfs/manifest-now")
    ok("rsync", "-a", f"{m.path}/secrets", f"{tmp_path}/archive/")
    (tmp_path / "archive/manifest").write_text(manifest)
    vault.lose("secrets", "db")
    vault.restore("secrets", old)
    said = plan(tmp_path / "archive", m.path)
    assert said.code == 1 and said.out.startswith("differs"), said
    result = restore(tmp_path / "archive", m.path)
    assert result.code == 1 and "0 restored, 0 present, 0 failed, 1 differ" in result.out, result


def test_what_is_deleted_while_the_lists_are_read_is_deleted(vaults, mount, tmp_path):
    """It is in the list of the secrets, and in that of the deleted ones, which is read later."""
    vault = vaults("one", seed="secrets=5", options=["--no-empty-pages"])
    m = mount(vault)
    ok("rsync", "-a", f"{m.path}/secrets", f"{tmp_path}/archive/")
    name = vault.list("secrets")[0]
    vault.reset()
    vault.fault(operation="list", type="certificates", action="delay", delay_ms=6000, count=1)
    program = subprocess.Popen([KVFS, "restore", tmp_path / "archive", m.path], stdout=subprocess.PIPE, text=True)
    eventually(lambda: vault.count("list") == 3, "the lists are asked for")
    vault.delete("secrets", name)
    out, _ = program.communicate(timeout=60)
    assert vault.count("list") == 3
    assert program.returncode == 1 and f"deleted  secrets/{name}.blob: deleted; to recover it: mv " in out, out
    assert "4 present" in out and "1 deleted" in out, out


@pytest.mark.parametrize("command", ["plan", "restore"])
def test_a_list_of_deleted_objects_that_fails_is_an_error(two, archive, mount, command):
    """Only one that may not be read counts as empty."""
    m = mount(two, "timeout=2", name="empty")
    two.fault(operation="deleted", type="secrets", status=503)
    result = run(KVFS, command, archive, m.path)
    assert result.code == 2 and result.out == "", result
    assert f"{m.path}/deleted/secrets cannot be listed: " in result.err and len(result.err.splitlines()) == 1
    two.clear()
    two.fault(operation="deleted", type="secrets", refusal="rbac")
    assert run(KVFS, command, archive, m.path).code == 0


def test_without_times_the_manifest_tells_the_state(two, archive, mount, tmp_path):
    m = mount(two, name="empty")
    assert restore(archive, m.path).code == 0
    for path in archive.rglob("*.blob"):
        os.utime(path)
    assert "10 present" in plan(archive, m.path).out
    (tmp_path / "archive.manifest").rename(tmp_path / "elsewhere")
    assert "10 differs" in plan(archive, m.path).out
    assert "10 present" in plan("-m", tmp_path / "elsewhere", archive, m.path).out
    (tmp_path / "elsewhere").write_text((tmp_path / "elsewhere").read_text()[:400])
    result = plan("-m", tmp_path / "elsewhere", archive, m.path)
    assert result.code == 2 and "truncated" in result.err


@pytest.mark.parametrize("wrong", ["nothing", "empty", "no mount", "ro", "dry_run", "usage", "-j 0"])
def test_what_cannot_be_done_is_one_line_and_status_2(two, archive, mount, tmp_path, wrong):
    m = mount(two, *([wrong] if wrong in ("ro", "dry_run") else []), name="empty")
    (tmp_path / "bare").mkdir()
    args = {"nothing": ["/nonexistent", m.path], "empty": [tmp_path / "bare", m.path],
            "no mount": [archive, tmp_path / "bare"], "ro": [archive, m.path], "dry_run": [archive, m.path], "usage": [archive],
            "-j 0": ["-j", "0", archive, m.path]}[wrong]
    result = restore(*args)
    assert result.code == 2 and result.out == "" and result.err
    assert wrong in ("usage", "-j 0") or len(result.err.splitlines()) == 1, result.err
    assert two.count("restore") == 0


def test_ctrl_c_waits_for_what_was_sent_and_the_next_run_goes_on(vaults, mount, tmp_path):
    vault = vaults("full", "empty", seed="secrets=120,vault=full")
    m = mount(vault, "ro", name="full")
    ok("cp", "-a", m / "secrets", tmp_path / "secrets")
    m.unmount()
    m = mount(vault, name="empty")
    vault.config(latency_ms=300)
    program = subprocess.Popen([KVFS, "restore", "-j", "4", tmp_path / "secrets", m.path], stdout=subprocess.PIPE,
                               text=True)
    eventually(lambda: vault.count("restore", 200) >= 4, "the first restores")
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=30)
    assert program.returncode == 1 and "run the same command again" in out
    n = int(re.search(r"(\d+) restored", out).group(1))
    assert len(vault.list("secrets", vault="empty")) == n < 120
    vault.config(latency_ms=0)
    result = restore(tmp_path / "secrets", m.path)
    assert result.code == 0 and f"{120 - n} restored, {n} present" in result.out
    assert vault.count("restore", 409) == 0


def test_many_writers_keep_the_pace_of_the_vault(vaults, mount, tmp_path):
    vault = vaults("full", "empty", seed="secrets=300,vault=full")
    m = mount(vault, "ro", name="full")
    ok("cp", "-a", m / "secrets", tmp_path / "secrets")
    m.unmount()
    m = mount(vault, name="empty", rate=200)
    vault.config(latency_ms=75)
    began = time.monotonic()
    assert restore(tmp_path / "secrets", m.path).code == 0
    took = time.monotonic() - began
    assert took < 300 * 0.075 / 2, f"{took} s: one after the other"


def test_a_folder_of_one_vault_of_several(two, archive, mount, tmp_path):
    m = mount(two, "each", name="empty")
    folder = next(p for p in m.path.iterdir())
    assert restore(archive, folder).code == 0
    assert names(two, "empty") == names(two, "full")


def test_an_object_of_another_vault_is_not_taken_for_the_archive_s(vaults, mount, tmp_path):
    """Two vaults can have a secret of one name and second, as a deployment makes them."""
    vault = vaults("europe", "states")
    for _ in range(20):
        created = [vault.set_secret("db", name, vault=name)["attributes"]["created"] for name in ("europe", "states")]
        if created[0] == created[1]:
            break
    assert created[0] == created[1]
    m = mount(vault, "ro", name="europe")
    ok("rsync", "-a", f"{m.path}/secrets", f"{tmp_path}/archive/")
    (tmp_path / "archive/manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    m.unmount()
    m = mount(vault, name="states")
    result = restore(tmp_path / "archive", m.path)
    assert result.code == 1 and "0 restored, 0 present" in result.out and "1 unproved" in result.out, result
    verified = run(KVFS, "verify", tmp_path / "archive", m.path)
    assert "the manifest of the archive is of europe" in verified.err, verified


def test_only_the_bytes_that_were_restored_are_proved_present(vaults, mount, tmp_path):
    """Two downloads of one state have the same name, time and size."""
    vault = vaults("full", "empty", seed="secrets=1,vault=full")
    downloads = [tmp_path / "first", tmp_path / "second"]
    m = None
    for folder in downloads:
        m = mount(vault, "ro", "cache=none", name="full", again=m)
        ok("rsync", "-a", f"{m.path}/secrets", f"{folder}/")
        (folder / "manifest").write_text(ok("cat", m / ".kvfs/manifest"))
        m.unmount()
    blobs = [next(folder.rglob("*.blob")) for folder in downloads]
    assert blobs[0].stat().st_size == blobs[1].stat().st_size and blobs[0].read_bytes() != blobs[1].read_bytes()
    m = mount(vault, name="empty")
    assert restore(downloads[0], m.path).out.startswith("1 restored")
    result = restore(downloads[0], m.path)
    assert result.code == 0 and result.out.startswith("0 restored, 1 present, 0 failed, 0 differ, 0 deleted"), result
    assert vault.count("restore") == 1
    assert "by name and time; because the archive is of full" in plan(downloads[1], m.path).out
    result = restore(downloads[1], m.path)
    assert result.code == 1 and "0 restored, 0 present, 0 failed, 0 differ, 0 deleted, 1 unproved" in result.out, result
    assert restore(downloads[0], m.path).code == 0
    assert len(vault.versions("secrets", blobs[0].stem, vault="empty")) == len(
        vault.versions("secrets", blobs[0].stem, vault="full"))


def test_the_folder_of_another_vault_of_the_mount_is_not_present_by_time_alone(vaults, mount, tmp_path):
    vault = vaults("europe", "states")
    updated = [vault.set_secret("db", name, vault=name)["attributes"]["updated"] for name in ("europe", "states")]
    m = mount(vault, targets=[vault.urls["europe"], vault.urls["states"]])
    ok("rsync", "-a", f"{m.path}/", f"{tmp_path}/archive/")
    os.utime(tmp_path / "archive/europe/secrets/db.blob", (updated[1], updated[1]))
    for given in ("archive/europe", "archive/europe/secrets", "archive/europe/secrets/db.blob"):
        result = restore(tmp_path / given, m / "states")
        assert result.code == 1 and "0 restored, 0 present" in result.out and "1 unproved" in result.out, result
    result = run(KVFS, "verify", tmp_path / "archive/europe", m / "states")
    assert result.code == 1 and "0 complete" in result.out and "called as the folder of europe" in result.err, result
    result = restore(tmp_path / "archive/states", m / "states")
    assert result.code == 0 and "1 present" in result.out, result
    assert run(KVFS, "verify", tmp_path / "archive/states", m / "states").code == 0


def test_a_manifest_beside_the_named_folder_counts(two, archive, mount, tmp_path):
    """It is of another vault, so a time alone proves nothing."""
    (tmp_path / "archive.manifest").rename(archive / "manifest")
    m = mount(two, name="empty")
    assert restore(archive, m.path).code == 0
    m.unmount()
    m = mount(two, "cache=none", name="empty", again=m)
    for given in (archive, archive / "secrets"):
        result = restore(given, m.path)
        assert result.code == 1 and "0 present" in result.out and "unproved" in result.out, result


def test_a_file_of_the_time_and_another_size_is_not_present(vaults, mount, tmp_path):
    vault = vaults("one", "other")
    vault.set_secret("db", "x" * 900, vault="other")
    updated = vault.set_secret("db", "y", vault="one")["attributes"]["updated"]
    (tmp_path / "archive/secrets").mkdir(parents=True)
    blob = tmp_path / "archive/secrets/db.blob"
    blob.write_bytes(vault.backup("secrets", "db", vault="other"))
    os.utime(blob, (updated, updated))
    m = mount(vault, name="one")

    def is_size_known():
        """Not while a later change could have the same second."""
        ok("cat", m / "secrets/db.blob", text=False)
        return '"size":null' not in ok("cat", m / ".kvfs/manifest-now")

    eventually(is_size_known, "the size is known")
    size = (m / "secrets/db.blob").stat().st_size
    result = restore(tmp_path / "archive", m.path)
    assert result.code == 1 and "0 restored, 0 present" in result.out and "1 unproved" in result.out, result
    assert f"of {size} bytes, and the file has {blob.stat().st_size}" in result.out, result
    assert plan(tmp_path / "archive", m.path).out.startswith("unproved")
    # the same blob as text has more bytes
    blob.write_bytes(base64.urlsafe_b64encode(vault.backup("secrets", "db", vault="one")))
    os.utime(blob, (updated, updated))
    assert restore(tmp_path / "archive", m.path).code == 0


def test_a_mount_that_goes_away_restores_nothing_below_it(two, archive, mount, tmp_path):
    point = tmp_path / "mount1/mnt/restore/secrets"
    point.mkdir(parents=True)
    m = mount(two, "nonempty", name="empty")
    two.config(latency_ms=300)
    program = subprocess.Popen([KVFS, "restore", "-j", "1", archive, m.path], stdout=subprocess.PIPE, text=True)
    eventually(lambda: two.count("restore", 200) >= 1, "the first restore")
    subprocess.run(["fusermount3", "-uz", m.path], check=True)
    out, _ = program.communicate(timeout=60)
    n = len(names(two, "empty"))
    assert program.returncode in (0, 1) and out.splitlines()[-1].startswith(f"{n} restored") or n == 10, out
    assert not list(point.iterdir())


def test_what_is_called_a_blob_and_is_none_is_not_dropped(two, archive, mount, tmp_path):
    m = mount(two, name="empty")
    name = two.list("secrets", vault="full")[0]
    blob = archive / f"secrets/{name}.blob"
    blob.rename(tmp_path / "annexed")
    blob.symlink_to(tmp_path / "annexed")
    result = restore(archive, m.path)
    assert result.code == 0 and result.out.startswith("10 restored"), result
    (archive / "secrets/gone.blob").symlink_to("/nonexistent")
    result = restore(archive, m.path)
    assert result.code == 1 and "failed   secrets/gone.blob: not a file" in result.out, result


def test_a_link_to_a_folder_and_a_blob_of_another_name_are_not_dropped(two, archive, mount, tmp_path):
    m = mount(two, name="empty")
    n = len(list((archive / "secrets").iterdir()))
    (archive / "secrets").rename(tmp_path / "secrets")
    (archive / "secrets").symlink_to(tmp_path / "secrets")
    (archive / "README").write_text("This is the archive of a vault, and this file is no blob of it, but a text.")
    line = f"failed   secrets: a link to a directory, which is not followed: run the command for {tmp_path}/secrets, too"
    result = restore(archive, m.path)
    assert result.code == 1 and line in result.out, result
    assert "5 restored, 0 present, 1 failed, 0 differ, 0 deleted, 1 other file not used" in result.out, result
    planned = plan(archive, m.path)
    assert planned.code == 1 and line in planned.out, planned
    assert line in restore(archive, m.path, "secrets").out
    assert line.replace("failed   ", "kvfs: ") in run(KVFS, "verify", archive, m.path).err
    result = restore(tmp_path / "secrets", m.path)
    assert result.code == 0 and result.out.startswith(f"{n} restored"), result
    (archive / "secrets").unlink()
    result = restore(archive, m.path)
    assert result.code == 0 and result.out.endswith(", 1 other file not used\n"), result
    name = two.list("secrets", vault="full")[0]
    for other in ("b.bak", "A.BLOB"):
        shutil.copy(tmp_path / f"secrets/{name}.blob", archive / other)
        result = restore(archive, m.path)
        assert result.code == 1 and f"failed   {other}: a blob, and its name does not end in .blob" in result.out, result
        (archive / other).unlink()


def test_every_failure_of_one_of_two_runs_at_once_has_a_reason(vaults, mount, tmp_path):
    vault = vaults("full", "empty", seed="secrets=60,vault=full")
    m = mount(vault, "ro", name="full")
    ok("cp", "-a", m / "secrets", tmp_path / "secrets")
    m.unmount()
    m = mount(vault, name="empty")
    vault.config(latency_ms=100)
    programs = [subprocess.Popen([KVFS, "restore", tmp_path / "secrets", m.path], stdout=subprocess.PIPE, text=True)
                for _ in range(4)]
    failed = []
    for program in programs:
        out, _ = program.communicate(timeout=120)
        lines = [line for line in out.splitlines() if line.startswith("failed")]
        assert bool(lines) == (program.returncode == 1), out
        failed += lines
    assert failed, "the programs did not meet"
    for line in failed:
        assert re.fullmatch(r"failed   \S+\.blob: [A-Z][a-z ]+: .{10,}", line), failed
    assert restore(tmp_path / "secrets", m.path).code == 0
    assert names(vault, "empty") == names(vault, "full")


def test_names_cannot_imitate_the_table(two, archive, mount):
    m = mount(two, name="empty")
    (archive / "secrets/a\nrestored  b\033[2J.blob").write_bytes(b"no blob")
    for program in ("plan", "restore"):
        out = run(KVFS, program, archive, m.path).out
        assert "\033" not in out and "\nrestored" not in out and "a?restored" in out
