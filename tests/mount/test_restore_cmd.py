"""kvfs plan and kvfs restore: an archive into a vault, at the vault's pace."""
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
    assert verdicts(said.out)[f"secrets/{other}.blob"] == "differs"
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


def test_of_several_states_of_an_object_the_newest_is_restored(two, archive, mount, tmp_path):
    m = mount(two, name="full")
    name = two.list("secrets", vault="full")[0]
    states = tmp_path / "states"
    shutil.copytree(archive, states / "monday")
    two.set_secret(name, "newer", vault="full")
    m.unmount()
    m = mount(two, "ro", name="full", again=m)
    ok("rsync", "-a", f"{m.path}/secrets", f"{states}/tuesday/")
    m.unmount()
    m = mount(two, name="empty")
    said = verdicts(plan(states, m.path).out)
    assert said[f"monday/secrets/{name}.blob"] == "older" and said[f"tuesday/secrets/{name}.blob"] == "restore"
    assert restore(states, m.path).code == 0
    assert two.versions("secrets", name, vault="empty") == two.versions("secrets", name, vault="full")


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


def test_names_cannot_imitate_the_table(two, archive, mount):
    m = mount(two, name="empty")
    (archive / "secrets/a\nrestored  b\033[2J.blob").write_bytes(b"no blob")
    for program in ("plan", "restore"):
        out = run(KVFS, program, archive, m.path).out
        assert "\033" not in out and "\nrestored" not in out and "a?restored" in out
