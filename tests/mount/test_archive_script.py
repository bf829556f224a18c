"""kvfs-archive: the nightly archive, with a vault that changes, refuses and goes away."""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from random import Random

import pytest

from harness import KVFS, ROOT, Process, environment, eventually, fails, is_mounted, needs, ok, passes, run

SCRIPT = ROOT / "contrib/kvfs-archive"
STATE = re.compile(r"\d{6}_\d{4}-\d\d-\d\dT\d{4}Z(-incomplete)?$")
METRIC = "kvfs_archive_last_success_timestamp_seconds"


@pytest.fixture
def m(vault, mount):
    return mount(vault, "ro")


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive/first"


def variables(**changes):
    return environment(KVFS=KVFS, **changes)


def night(m, archive, seconds=60, **env):
    return run(SCRIPT, os.fspath(m), archive, env=variables(**env), seconds=seconds)


def good_night(m, archive, **env):
    result = night(m, archive, **env)
    assert result.code == 0 and result.out == result.err == "", result
    return states(archive)[-1]


def bad_night(m, archive, *words, **env):
    """It must fail with one line that has these words."""
    result = night(m, archive, **env)
    assert result.code == 1 and result.out == "" and len(result.err.splitlines()) == 1, result
    assert result.err.startswith(f"kvfs-archive: {archive.name}: "), result
    for word in words:
        assert word in result.err, result
    return result


def states(archive):
    return sorted((x for x in archive.iterdir() if STATE.match(x.name)), key=lambda x: int(x.name.split("_")[0]))


def blobs(state):
    return {str(x.relative_to(state)): x.read_bytes() for x in state.rglob("*.blob")}


def lines(state):
    """The lines of its manifest, by path."""
    text = (state / "manifest").read_text().splitlines()
    entries = {f"{x['type']}/{x['name']}.blob": x for x in map(json.loads, text[1:])}
    assert json.loads(text[0])["objects"] == len(text) - 1 == len(entries)
    return entries


def vault_of(state):
    return json.loads((state / "manifest").read_text().splitlines()[0])["vault"]


def garble(path):
    """Other content of the same size and time."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] = ord("A") if data[len(data) // 2] != ord("A") else ord("B")
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replace(path, content):
    """As another file, which no older state has."""
    stat = path.stat()
    path.unlink()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def break_off(m, archive, tmp_path, how=signal.SIGTERM):
    """A run that is killed when it has all but the certificates, and a half of another file."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "rsync").write_text(f"""#!/bin/bash
{shutil.which("rsync")} --exclude=/certificates/\\* "$@"
echo half of it >{archive}/.new/secrets/.db.blob.Xa1b2c
kill -{how.name.removeprefix("SIG")} 0
""")
    (programs / "rsync").chmod(0o755)
    process = Process([SCRIPT, m.path, archive], tmp_path, "script",
                      env=variables(PATH=f"{programs}:{os.environ['PATH']}"))
    process.wait(60)
    return process


def no_remains(archive):
    assert {x.name for x in archive.iterdir()} == {"latest", ".lock"} | {x.name for x in states(archive)}


def test_a_state_has_every_object_and_the_lists_beside_them(vault, m, archive):
    state = good_night(m, archive)
    assert len(blobs(state)) == 9 and (archive / "latest").resolve() == state
    assert sorted(x.name for x in state.iterdir()) == ["certificates", "keys", "manifest", "secrets", "vault.json",
                                                       "verify"]
    assert json.loads((state / "vault.json").read_text())["vault"].startswith(vault.host())
    assert (state / "verify").read_text() == "9 complete, 0 missing, 0 damaged, 0 changed, 0 gone from the vault\n"
    assert vault.count("backup") == 9
    assert ok(KVFS, "verify", archive / "latest/").startswith("9 complete")
    for path in (archive, state, *state.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0
    no_remains(archive)


def test_an_unchanged_vault_costs_no_backup_and_no_space(vault, m, archive):
    first = good_night(m, archive)
    vault.reset()
    second = good_night(m, archive)
    assert vault.count("backup") == 0 and first != second
    for path in first.rglob("*.blob"):
        assert path.samefile(second / path.relative_to(first))


def test_a_link_to_the_archive_is_the_archive(vault, m, archive, tmp_path):
    (tmp_path / "disk").mkdir()
    archive.parent.mkdir()
    archive.symlink_to(tmp_path / "disk")
    first = good_night(m, archive)
    vault.reset()
    vault.lose("secrets", vault.list("secrets")[0])
    second = good_night(m, archive)
    assert vault.count("backup") == 0 and blobs(second) == blobs(first)
    assert [x.name[:6] for x in states(archive)] == ["000001", "000002"]


def test_a_changed_object_is_new_and_the_older_state_keeps_the_old_one(vault, m, archive):
    first = good_night(m, archive)
    before, name = blobs(first), vault.list("secrets")[0]
    passes(1.1)  # times have whole seconds
    vault.set_secret(name, "newer")
    second = good_night(m, archive)
    assert blobs(first) == before
    assert {k for k, v in blobs(second).items() if v != before[k]} == {f"secrets/{name}.blob"}


def test_what_left_the_vault_stays(vault, m, archive):
    first = good_night(m, archive)
    for kind in ("keys", "secrets", "certificates"):
        for name in vault.list(kind):
            vault.lose(kind, name)
    second = good_night(m, archive)
    assert blobs(second) == blobs(first)
    assert "9 gone from the vault" in (second / "verify").read_text()
    for _ in range(3):
        good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert len(states(archive)) == 1 and len(blobs(states(archive)[0])) == 9


def test_one_that_is_refused_keeps_its_last_good_copy_and_the_rest_is_archived(vault, m, archive):
    first = good_night(m, archive)
    names = vault.list("secrets")
    passes(1.1)
    vault.set_secret(names[0], "newer")
    vault.set_secret(names[1], "newer")
    vault.fault(operation="backup", type="secrets", name=names[0], status=403)
    bad_night(m, archive, "the last good copy", f"{names[0]}.blob")
    second = states(archive)[-1]
    assert second != first and (archive / "latest").resolve() == second
    assert blobs(second)[f"secrets/{names[0]}.blob"] == blobs(first)[f"secrets/{names[0]}.blob"]
    assert blobs(second)[f"secrets/{names[1]}.blob"] != blobs(first)[f"secrets/{names[1]}.blob"]
    vault.clear()
    third = good_night(m, archive)
    assert blobs(third)[f"secrets/{names[0]}.blob"] != blobs(first)[f"secrets/{names[0]}.blob"]


def test_one_that_was_never_archived_makes_the_state_incomplete(vault, m, archive):
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", type="secrets", name=name, status=403)
    for _ in range(2):
        bad_night(m, archive, f"{name}.blob")
    assert [x.name.endswith("-incomplete") for x in states(archive)] == [True, True]
    assert len(blobs(archive / "latest")) == 8
    vault.clear()
    assert len(blobs(good_night(m, archive))) == 9


def test_states_are_removed_by_count_after_a_newer_one_was_verified(vault, m, archive):
    for _ in range(3):
        good_night(m, archive)
    kept = states(archive)
    name = vault.list("secrets")[0]
    vault.set_secret("new")
    vault.fault(operation="backup", type="secrets", name="new", status=403)
    for _ in range(3):
        bad_night(m, archive, "new.blob", KVFS_ARCHIVE_KEEP="2")
    assert states(archive)[:3] == kept and len(states(archive)) == 6, name
    vault.clear()
    good_night(m, archive, KVFS_ARCHIVE_KEEP="2")
    assert [x.name.endswith("-incomplete") for x in states(archive)] == [False, True, True, True, False]
    assert states(archive)[0] == kept[-1]


@pytest.mark.parametrize("wrong", ["", "0", "many", "-1"])
def test_a_wrong_number_of_states_removes_nothing(m, archive, wrong):
    good_night(m, archive)
    if wrong == "":
        good_night(m, archive, KVFS_ARCHIVE_KEEP=wrong)
    else:
        bad_night(m, archive, "KVFS_ARCHIVE_KEEP", KVFS_ARCHIVE_KEEP=wrong)
    assert states(archive)


def test_a_directory_of_somebody_else_is_left_alone(m, archive):
    good_night(m, archive)
    for name in ("2026_taxes", "000000_2026-01-01T0000Z.mine", "zzz"):
        (archive / name).mkdir()
    for _ in range(2):
        good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert {x.name for x in archive.iterdir()} >= {"2026_taxes", "000000_2026-01-01T0000Z.mine", "zzz"}


def test_the_number_orders_the_states_and_not_the_clock(m, archive):
    good_night(m, archive)
    # As if the clock had been in the future, and the last two within one minute.
    states(archive)[0].rename(archive / "000008_2099-01-01T0000Z")
    (archive / "latest").unlink()
    names = [good_night(m, archive).name for _ in range(2)]
    assert [x.split("_")[0] for x in names] == ["000009", "000010"]
    good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert [x.name.split("_")[0] for x in states(archive)] == ["000011"]


# Where there is no archive to be made.


def test_an_archive_of_another_vault_is_refused(vaults, mount, archive):
    vault = vaults("first", "second", seed="keys=1,secrets=2,certificates=1")
    vault.set_secret("over-there", vault="second")
    good_night(mount(vault, "ro", url=vault.urls["first"]), archive)
    other = mount(vault, "ro", url=vault.urls["second"])
    bad_night(other, archive, "first.vault.", "second.vault.", "an archive of its own")
    assert len(states(archive)) == 1


def test_what_a_broken_run_has_fetched_from_another_vault_is_refused(vaults, mount, archive, tmp_path):
    vault = vaults("first", "second", seed="keys=1,secrets=2,certificates=1")
    vault.set_secret("over-there", vault="first")
    right = mount(vault, "ro", url=vault.urls["second"])
    break_off(mount(vault, "ro", url=vault.urls["first"]), archive, tmp_path)
    for folder in (".new", ".broken"):
        (archive / ".new").rename(archive / folder)
        bad_night(right, archive, f"{archive}/{folder} ", "from first.vault.", "second.vault.", "remove that directory")
        (archive / folder / ".vault").rename(tmp_path / "name")
        bad_night(right, archive, "from an unknown vault")
        (tmp_path / "name").rename(archive / folder / ".vault")
    assert states(archive) == []
    shutil.rmtree(archive / ".broken")
    assert "secrets/over-there.blob" not in blobs(good_night(right, archive))


def test_without_a_mount_there_is_no_state(m, archive):
    good_night(m, archive)
    before = states(archive)
    m.unmount()
    bad_night(m, archive, "is no mount of kvfs")
    assert states(archive) == before


def test_a_dead_mount_is_an_error(m, archive):
    good_night(m, archive)
    before = states(archive)
    m.process.child.send_signal(signal.SIGKILL)
    m.process.wait()
    m.is_ended = True
    bad_night(m, archive, "has ended", f"kvfs umount {m.path}")
    assert states(archive) == before


def test_a_vault_that_is_away_is_an_error(vault, mount, archive):
    m = mount(vault, "ro", "timeout=3")
    good_night(m, archive)
    before = states(archive)
    vault.fault(operation="list", action="reset")
    bad_night(m, archive, "the vault cannot be listed")
    assert states(archive) == before
    no_remains(archive)
    vault.clear()
    good_night(m, archive)


def test_a_list_that_breaks_off_loses_nothing(vault, mount, archive):
    m = mount(vault, "ro", "timeout=3")
    first = good_night(m, archive)
    # Before the copy two pages of each type and two for vault.json, and then those of the verification.
    for skip, words in ((0, "the vault cannot be listed"), (8, "it could not be verified")):
        vault.fault(operation="list", action="truncate", skip=skip)
        result = night(m, archive)
        assert result.code == 1 and words in result.err, result
        vault.clear()
        for state in states(archive):
            assert blobs(state).keys() == blobs(first).keys()
    assert blobs(good_night(m, archive)).keys() == blobs(first).keys()
    no_remains(archive)


def test_one_that_vanishes_meanwhile_is_no_failure(vault, m, archive, tmp_path):
    """It is deleted while another one is waited for."""
    vault.fault(operation="backup", type="certificates", action="delay", delay_ms=1500)
    process = Process([SCRIPT, m.path, archive], tmp_path, "script", env=variables())
    eventually(lambda: (archive / ".new").is_dir(), "the run")
    vault.lose("secrets", vault.list("secrets")[-1])
    assert process.wait(60) in (0, 1)
    assert len(blobs(archive / "latest")) >= 8


@pytest.mark.parametrize("had_a_state", [False, True])
def test_a_last_good_copy_is_named_only_if_there_is_one(vault, m, archive, had_a_state):
    name = vault.list("secrets")[0]
    if had_a_state:
        good_night(m, archive)
        name = "new"
        vault.set_secret(name)
    vault.fault(operation="backup", type="secrets", name=name, status=403)
    result = bad_night(m, archive, "not everything could be read", f"missing secrets/{name}: ", "1 missing")
    assert "last good copy" not in result.err


# What can go wrong on this side.


def test_swapped_arguments_are_called_so(m, archive):
    good_night(m, archive)
    result = run(SCRIPT, archive, m.path, env=variables())
    assert result.code == 1 and "the arguments are swapped" in result.err and len(result.err.splitlines()) == 1, result


def test_a_run_leaves_no_temporary_files(vault, m, archive, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    good_night(m, archive, TMPDIR=folder)
    vault.fault(operation="backup", action="delay", delay_ms=3000)
    vault.set_secret("new")
    process = Process([SCRIPT, m.path, archive], tmp_path, "script", env=variables(TMPDIR=folder))
    eventually(lambda: (archive / ".new").is_dir(), "the run")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert os.listdir(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system needs root")
def test_a_target_that_is_read_only_is_one_line_with_the_reason(m, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    ok("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk)
    try:
        (disk / "first").mkdir()
        ok("mount", "-o", "remount,ro", disk)
        bad_night(m, disk / "first", f"{disk}/first/.lock cannot be written: Read-only file system\n")
    finally:
        ok("umount", "-l", disk)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system needs root")
def test_a_full_disk_is_an_error_and_what_is_there_stays(vault, m, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    ok("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk)
    try:
        archive = disk / "first"
        first = good_night(m, archive)
        before = blobs(first)
        passes(1.1)
        for name in vault.list("secrets"):
            vault.set_secret(name, "newer")
        ok("dd", "if=/dev/zero", f"of={disk}/filler", "bs=4k", "count=1500", "status=none")
        fails("dd", "if=/dev/zero", f"of={disk}/filler2", "bs=4k", "status=none")
        bad_night(m, archive)
        assert blobs(first) == before and (archive / "latest").resolve() == first
        (disk / "filler2").unlink()
        second = good_night(m, archive)
        assert len([k for k, v in blobs(second).items() if v != before[k]]) == 4
        no_remains(archive)
    finally:
        ok("umount", "-l", disk)


def test_two_at_once_do_not_disturb_each_other(m, archive, tmp_path):
    both = [Process([SCRIPT, m.path, archive], tmp_path, f"script{i}", env=variables()) for i in range(2)]
    codes = sorted(process.wait(60) for process in both)
    assert codes in ([0, 0], [0, 1])
    assert [len(blobs(state)) for state in states(archive)] == [9] * codes.count(0)
    no_remains(archive)


def test_while_another_one_is_at_work_it_is_an_error(m, archive):
    archive.mkdir(parents=True)
    with open(archive / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        bad_night(m, archive, "another kvfs-archive is at work")
    good_night(m, archive)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_loses_nothing_and_the_next_continues(vault, m, archive, tmp_path, how):
    process = break_off(m, archive, tmp_path, how)
    if how == signal.SIGTERM:
        assert len(process.err.splitlines()) == 1
    assert states(archive) == []
    fetched = {k: v for k, v in blobs(archive / ".new").items() if "/." not in k}
    assert len(fetched) == 7
    # One that only the broken run has.
    lost = next(x for x in sorted(fetched) if x.startswith("keys/"))
    vault.lose("keys", lost.removeprefix("keys/").removesuffix(".blob"))
    state = good_night(m, archive)
    assert len(blobs(state)) == 9 and blobs(state)[lost] == fetched[lost]
    assert {k: v for k, v in blobs(state).items() if k in fetched} == fetched
    no_remains(archive)


def test_what_two_broken_runs_have_fetched_is_put_together(m, archive):
    good_night(m, archive)
    state = states(archive)[0]
    names = sorted(blobs(state))
    for folder, part in ((".broken", names[:4]), (".new", names[3:6])):
        for name in part:
            (archive / folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(state / name, archive / folder / name)
        (archive / folder / ".vault").write_text(f"{vault_of(state)}\n")
    (archive / ".new/secrets").mkdir(exist_ok=True)
    (archive / ".new/secrets/.db.blob.Xa1b2c").write_bytes(b"half of it")
    shutil.rmtree(state)
    state = good_night(m, archive)
    assert sorted(blobs(state)) == names
    assert not list(archive.rglob(".db.blob.*"))
    no_remains(archive)


def test_a_damaged_file_is_fetched_again(vault, m, archive):
    first = good_night(m, archive)
    path = sorted((first / "secrets").iterdir())[0]
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second = good_night(m, archive)
    assert blobs(second)[f"secrets/{path.name}"] != bytes(data) == path.read_bytes()
    assert ok(KVFS, "verify", second, m.path).startswith("9 complete")


def test_the_manifest_is_about_the_files_of_the_state(vault, mount, archive, tmp_path):
    """Also if the mount has downloaded all of them anew since they were archived, and each backup differs."""
    first = good_night(mount(vault, "ro", env={"XDG_CACHE_HOME": tmp_path / "a"}), archive)
    m = mount(vault, "ro", env={"XDG_CACHE_HOME": tmp_path / "b"})
    for path in first.rglob("*.blob"):
        assert ok("cat", m / path.relative_to(first), text=False) != path.read_bytes()
    second = good_night(m, archive)
    sums = {x["name"]: x["sha256"] for x in map(json.loads, (second / "manifest").read_text().splitlines()[1:])}
    assert sums == {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in second.rglob("*.blob")}
    assert all(path.samefile(second / path.relative_to(first)) for path in first.rglob("*.blob") if
               path.stat().st_size == (m / path.relative_to(first)).stat().st_size)


def test_a_damaged_file_that_the_vault_does_not_give_is_reported(vault, m, archive):
    first = good_night(m, archive)
    path = sorted((first / "secrets").iterdir())[0]
    path.write_bytes(path.read_bytes()[:50])
    vault.lose("secrets", path.name.removesuffix(".blob"))
    bad_night(m, archive, path.name.removesuffix(".blob"))
    assert states(archive)[-1].name.endswith("-incomplete")
    assert (archive / "latest/secrets" / path.name).exists()


# What only the archive has.


def test_the_manifest_keeps_what_it_knows_of_an_object_that_left_the_vault(vault, m, archive):
    first = good_night(m, archive)
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    for _ in range(2):
        state = good_night(m, archive)
        assert lines(state)[f"secrets/{name}.blob"] == lines(first)[f"secrets/{name}.blob"]
        assert ok(KVFS, "verify", state).startswith("9 complete, 0 missing")


def test_the_manifest_keeps_what_it_knows_of_the_last_good_copy(vault, m, archive):
    path = f"secrets/{vault.list('secrets')[0]}.blob"
    first = good_night(m, archive)
    passes(1.1)
    vault.set_secret(vault.list("secrets")[0], "newer")
    vault.fault(operation="backup", type="secrets", name=vault.list("secrets")[0], status=403)
    for _ in range(2):
        bad_night(m, archive, "the last good copy of the rest stays")
        for member in ("updated", "size", "sha256"):
            assert lines(states(archive)[-1])[path][member] == lines(first)[path][member]
    garble(archive / "latest" / path)
    result = bad_night(m, archive, f"damaged {path.removesuffix('.blob')} ")
    assert "last good copy" not in result.err and states(archive)[-1].name.endswith("-incomplete")


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_line_of_an_older_manifest_that_lacks_it_is_made_from_the_file(vault, m, archive, is_refused):
    """As an older kvfs-archive wrote it: without the object, or with its new state."""
    state = good_night(m, archive)
    path = f"secrets/{vault.list('secrets')[0]}.blob"
    expected = lines(state)[path]
    head, *rest = (state / "manifest").read_text().splitlines()
    rest = [x for x in rest if f'"{path[8:-5]}"' not in x]
    if is_refused:
        rest.append(json.dumps({**expected, "updated": "2026-01-01T00:00:00Z", "size": None, "sha256": None},
                               separators=(",", ":")))
    head = re.sub('"objects":[0-9]+', f'"objects":{len(rest)}', head)
    (state / "manifest").write_text("\n".join([head, *rest]) + "\n")
    vault.lose("secrets", path[8:-5])
    line = lines(good_night(m, archive))[path]
    assert {k: line[k] for k in ("type", "name", "updated", "size", "sha256")} == \
           {k: expected[k] for k in ("type", "name", "updated", "size", "sha256")}


def test_an_object_without_a_file_is_in_the_manifest_without_a_sum(vault, m, archive):
    name = vault.list("secrets")[0]
    ok("cat", m / f"secrets/{name}.blob", text=False)
    vault.fault(operation="backup", type="secrets", name=name, status=403)
    shutil.rmtree(archive, ignore_errors=True)
    passes(1.1)
    vault.set_secret(name, "newer")
    bad_night(m, archive, f"missing secrets/{name}")
    line = lines(states(archive)[-1])[f"secrets/{name}.blob"]
    assert line["size"] is None and line["sha256"] is None
    assert "1 missing" in run(KVFS, "verify", states(archive)[-1]).out


def test_damage_to_what_left_the_vault_is_reported_each_night(vault, m, archive):
    good_night(m, archive)
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    garble(good_night(m, archive) / f"secrets/{name}.blob")
    for _ in range(2):
        bad_night(m, archive, f"damaged secrets/{name} ")
        assert states(archive)[-1].name.endswith("-incomplete")
        assert run(KVFS, "verify", archive / "latest").code == 1


def test_damage_to_what_left_the_vault_is_mended_from_an_older_state(vault, m, archive):
    first = good_night(m, archive)
    before, name = blobs(first), vault.list("secrets")[0]
    vault.lose("secrets", name)
    path = good_night(m, archive) / f"secrets/{name}.blob"
    replace(path, b"A" * path.stat().st_size)
    state = good_night(m, archive)
    assert blobs(state) == before and ok(KVFS, "verify", state).startswith("9 complete")
    assert (state / f"secrets/{name}.blob").samefile(first / f"secrets/{name}.blob")


@pytest.mark.parametrize("has_left", [True, False])
@pytest.mark.parametrize("seconds", [-10**6, 10**6])
def test_a_blob_of_another_object_is_no_last_good_copy(vault, m, archive, has_left, seconds):
    """Whatever its time: the manifest is about the files."""
    name, other = vault.list("secrets")[:2]
    first = good_night(m, archive)
    before = blobs(first)
    if has_left:
        vault.lose("secrets", name)
    else:
        passes(1.1)
        vault.set_secret(name, "newer")
        vault.fault(operation="backup", type="secrets", name=name, status=403)
    night(m, archive)
    path = archive / f"latest/secrets/{name}.blob"
    time = path.stat().st_mtime + seconds
    replace(path, before[f"secrets/{other}.blob"])
    os.utime(path, (time, time))
    # The first state has the right one.
    assert night(m, archive).code == (0 if has_left else 1)
    assert blobs(archive / "latest") == before
    for state in states(archive):
        path = state / f"secrets/{name}.blob"
        replace(path, before[f"secrets/{other}.blob"])
        os.utime(path, (time, time))
    result = bad_night(m, archive, f"secrets/{name}")
    assert "last good copy" not in result.err and states(archive)[-1].name.endswith("-incomplete")


def test_damage_to_a_type_that_the_mount_leaves_out_is_mended_from_an_older_state_or_reported(vault, m, mount, archive):
    first = good_night(m, archive)
    path = f"keys/{vault.list('keys')[0]}.blob"
    before = blobs(first)
    m.unmount()
    again = mount(vault, "ro", "types=secrets", again=m)
    data = bytearray(before[path])
    data[len(data) // 2] ^= 1
    replace(good_night(again, archive) / path, bytes(data))
    assert blobs(good_night(again, archive)) == before
    for state in states(archive):
        replace(state / path, bytes(data))
    bad_night(again, archive, "damaged", path)


def test_a_damaged_file_that_no_manifest_knows_is_fetched_again(vault, m, archive):
    state = good_night(m, archive)
    path = f"secrets/{vault.list('secrets')[0]}.blob"
    (state / "manifest").unlink()
    data = bytearray((state / path).read_bytes())
    data[len(data) // 2] = 0xff  # of no blob, whatever its sum
    replace(state / path, data)
    assert blobs(good_night(m, archive))[path] != bytes(data)


def test_an_empty_file_of_a_broken_run_does_not_hide_the_last_good_copy(vault, m, archive):
    before = blobs(good_night(m, archive))
    path = f"secrets/{vault.list('secrets')[0]}.blob"
    vault.lose("secrets", vault.list("secrets")[0])
    (archive / ".broken/secrets").mkdir(parents=True)
    (archive / ".broken" / path).touch()
    assert blobs(good_night(m, archive)) == before


def test_a_file_that_is_removed_comes_back_from_an_older_state(vault, m, archive):
    """Also if that is removed in the same night."""
    before = blobs(good_night(m, archive))
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    (good_night(m, archive) / f"secrets/{name}.blob").unlink()
    for _ in range(2):
        good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert len(states(archive)) == 1 and blobs(archive / "latest") == before


def test_a_file_that_only_an_older_state_has_comes_back_without_a_manifest(vault, m, archive):
    before = blobs(good_night(m, archive))
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    state = good_night(m, archive)
    (state / f"secrets/{name}.blob").unlink()
    (state / "manifest").unlink()
    good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert len(states(archive)) == 1 and blobs(archive / "latest") == before


def test_a_file_that_no_state_has_is_lost_until_it_is_forgotten(vault, m, archive):
    good_night(m, archive)
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    (good_night(m, archive, KVFS_ARCHIVE_KEEP="1") / f"secrets/{name}.blob").unlink()
    for _ in range(2):
        bad_night(m, archive, f"lost secrets/{name}: ", "1 lost", "forget", KVFS_ARCHIVE_KEEP="1")
        assert states(archive)[-1].name.endswith("-incomplete")
        assert f"lost  secrets/{name}: " in (archive / "latest/verify").read_text()
    (archive / "forget").write_text(f"secrets/{name}.blob\n")
    state = good_night(m, archive, KVFS_ARCHIVE_KEEP="1")
    assert len(blobs(state)) == len(lines(state)) == 8 and len(states(archive)) == 1


def test_what_is_forgotten_leaves_the_archive_with_the_states_that_have_it(vault, m, archive):
    first = good_night(m, archive)
    names = vault.list("secrets")
    vault.lose("secrets", names[0])
    good_night(m, archive)
    # The vault has the second one.
    (archive / "forget").write_text(f"secrets/{names[0]}.blob\nsecrets/{names[1]}.blob\n*\nsecrets/*\n")
    state = good_night(m, archive)
    assert blobs(first).keys() - blobs(state).keys() == {f"secrets/{names[0]}.blob"}


def test_of_a_newer_file_that_is_lost_an_older_one_is_taken_and_reported_once(vault, m, archive):
    first = good_night(m, archive)
    before, name = blobs(first), vault.list("secrets")[0]
    passes(1.1)
    vault.set_secret(name, "newer")
    second = good_night(m, archive)
    vault.lose("secrets", name)
    (second / f"secrets/{name}.blob").unlink()
    bad_night(m, archive, f"the last file of secrets/{name} is lost", "an older one")
    assert blobs(archive / "latest") == before
    assert lines(archive / "latest")[f"secrets/{name}.blob"]["sha256"] == \
        hashlib.sha256(before[f"secrets/{name}.blob"]).hexdigest()
    good_night(m, archive)


def test_a_damaged_file_of_an_older_state_does_not_come_back(vault, m, archive):
    good_night(m, archive)
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    state = good_night(m, archive)
    garble(state / f"secrets/{name}.blob")
    (state / f"secrets/{name}.blob").unlink()
    bad_night(m, archive, f"lost secrets/{name}: ")
    assert f"secrets/{name}.blob" not in blobs(archive / "latest")


# Many nights.


def change(vault, random, lost):
    """What other users of the vault do in a day."""
    for _ in range(random.randrange(4)):
        names = vault.list("secrets")
        what = random.choice(["newer", "new", "lose", "again"])
        if what == "newer" and names:
            vault.set_secret(random.choice(names), "newer")
        elif what == "lose" and names:
            lost.append(random.choice(names))
            vault.lose("secrets", lost[-1])
        elif what == "again" and lost:
            vault.set_secret(random.choice(lost), "again")
        else:
            vault.set_secret(f"new-{random.randrange(10**9)}")


def go_wrong(vault, random):
    """What the service does at night; mostly nothing."""
    names = vault.list("secrets")
    what = random.randrange(8)
    if what == 0 and names:
        vault.fault(operation="backup", type="secrets", name=random.choice(names), status=403)
    elif what == 1:
        vault.fault(operation="list", action=random.choice(["reset", "truncate"]), skip=random.randrange(9))
    elif what == 2:
        vault.fault(operation="backup", action="garbage", count=random.randrange(1, 4))
    elif what == 3:
        vault.fault(status=503, count=random.randrange(1, 9))


@pytest.mark.seconds(400)
@pytest.mark.parametrize("seed", range(int(os.environ.get("KVFS_TEST_SEEDS", "10")) // 10))
def test_no_night_loses_what_an_earlier_one_had(vault, mount, archive, tmp_path, seed):
    random = Random(seed)
    m = mount(vault, "ro", "timeout=2")
    lost, kept, objects, n_good = [], {}, set(), 0
    for number in range(14):
        change(vault, random, lost)
        go_wrong(vault, random)
        process = Process([SCRIPT, m.path, archive], tmp_path, f"night{number}",
                          env=variables(KVFS_ARCHIVE_KEEP="3"))
        is_killed = random.randrange(5) == 0
        if is_killed:
            passes(random.random())
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait(90)
        vault.clear()
        if not is_killed:
            assert code in (0, 1) and len(process.err.splitlines()) == code, process.err
        n_good += code == 0
        contents = {state.name: blobs(state) for state in states(archive)} if archive.exists() else {}
        for name, content in contents.items():
            assert kept.setdefault(name, content) == content, f"{name} has changed"
        if contents:
            newest = contents[states(archive)[-1].name]
            assert objects <= set(newest), f"night {number}: {objects - set(newest)} are lost"
            objects = set(newest)
        if code == 0:
            assert run(KVFS, "verify", archive / "latest/", m.path).code in (0, 2)
            assert {x.name.endswith("-incomplete") for x in states(archive)[-1:]} == {False}
    assert n_good > 0
    good_night(m, archive)
    assert {f"secrets/{name}.blob" for name in vault.list("secrets")} <= set(blobs(archive / "latest"))
    no_remains(archive)


# The rest.


def test_the_time_of_the_last_success_is_a_metric(vault, m, archive, tmp_path):
    folder = tmp_path / "textfile"
    folder.mkdir()
    good_night(m, archive, KVFS_ARCHIVE_TEXTFILE=folder)
    file = folder / "kvfs_archive_first.prom"
    text = file.read_text()
    assert re.search(rf'^{METRIC}\{{archive="first"\}} \d{{10}}$', text, re.MULTILINE) and f"# TYPE {METRIC} gauge" in text
    assert file.stat().st_mode & 0o777 == 0o644 and os.listdir(folder) == [file.name]
    file.write_text("older")
    vault.fault(operation="backup", type="secrets", name=vault.list("secrets")[0], status=403)
    passes(1.1)
    vault.set_secret(vault.list("secrets")[0], "newer")
    bad_night(m, archive, KVFS_ARCHIVE_TEXTFILE=folder)
    assert file.read_text() == "older"
    vault.clear()
    bad_night(m, archive, "written to /nonexistent: No such file or directory\n", KVFS_ARCHIVE_TEXTFILE="/nonexistent")


def test_each_of_several_vaults_has_its_own_states(vaults, mount, tmp_path):
    vault = vaults("first", "second", seed="secrets=3")
    vault.set_secret("only-here", vault="second")
    m = mount(vault, "ro", targets=[vault.urls["first"], vault.urls["second"]])
    archive = tmp_path / "both"
    result = night(m, archive)
    assert result.code == 0 and result.err == "", result
    assert len(blobs(archive / "first/latest")) == 3
    assert len(blobs(archive / "second/latest")) == len(vault.list("secrets", "second"))
    vault.fault(vault="first", operation="list", status=403)
    result = night(m, archive)
    assert result.code == 1 and result.err.startswith("kvfs-archive: both/first: "), result
    assert len(result.err.splitlines()) == 1
    assert [len(states(archive / x)) for x in ("first", "second")] == [1, 2]


def test_a_newest_state_can_be_restored(vaults, mount, archive):
    vault = vaults("first", "second", seed="keys=2,secrets=3,certificates=1,vault=first")
    m = mount(vault, "ro")
    good_night(m, archive)
    m.unmount()
    m = mount(vault, name="second")
    ok(KVFS, "restore", archive / "latest", m.path)
    m.unmount()
    assert vault.dump("first") == vault.dump("second")


def test_restic_has_the_newest_state(vault, m, archive, tmp_path):
    needs("restic")
    env = {"RESTIC_REPOSITORY": tmp_path / "repository", "RESTIC_PASSWORD": "for a test",
           "RESTIC_CACHE_DIR": tmp_path / "restic"}
    ok("restic", "init", env=variables(**env))
    state = good_night(m, archive, **env)
    ok("restic", "restore", "latest", "--target", tmp_path / "restored", env=variables(**env))
    assert blobs(tmp_path / "restored").keys() and set(blobs(state).values()) == set(blobs(tmp_path / "restored").values())
    bad_night(m, archive, "restic ended with status", **{**env, "RESTIC_PASSWORD": "wrong"})
    assert len(states(archive)) == 2


@pytest.mark.parametrize("argv", [[], ["one"], ["/", "archive"], ["MOUNT", "/"], ["MOUNT", "MOUNT/archive"],
                                  ["/nonexistent", "archive"], ["MOUNT", "/dev/null/archive"]])
def test_wrong_arguments_are_one_line(m, tmp_path, argv):
    result = run(SCRIPT, *(x.replace("MOUNT", str(m.path)) for x in argv), env=variables(), cwd=tmp_path)
    assert result.code in (1, 2) and len(result.err.splitlines()) == 1, result


def test_in_the_journal_a_failure_has_its_priority(tmp_path):
    with open(tmp_path / "err", "wb") as err:
        stat = os.fstat(err.fileno())
        code = subprocess.run([SCRIPT, "/nonexistent", tmp_path / "archive"], check=False, stderr=err,
                              env=variables(JOURNAL_STREAM=f"{stat.st_dev}:{stat.st_ino}")).returncode
    assert code == 1 and (tmp_path / "err").read_text().startswith("<3>archive: ")
    assert not is_mounted(tmp_path)
