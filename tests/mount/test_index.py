"""What is remembered from one mount to the next: numbers and sizes, never a wrong one, and no content."""
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess

import pytest

from harness import KVFS, TYPES, eventually, listed_again, ok, run, tree


def index_of(folder):
    """The one index in a cache folder."""
    found = list(folder.glob("*.db"))
    assert len(found) == 1, list(folder.iterdir())
    return found[0]


def kept_blobs(folder):
    return [f for f in folder.rglob("*") if f.is_file() and not re.search(r"\.db(-wal|-shm)?$", f.name)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def again(mount, folder):
    """A function that mounts read-only with the cache in folder, where a mount was that has ended."""
    def start(vault, *options, after=None):
        return mount(vault, "ro", f"cache_dir={folder}", *options, again=after)

    return start


def looks(m):
    """"keys/db.blob" -> (inode number, size, time) as stat sees them."""
    out = ok("find", m.path, "-name", "*.blob", "-printf", "%P %i %s %T@\n")
    return {line.split()[0]: tuple(line.split()[1:]) for line in out.splitlines()}


def copy_of(m, directory):
    directory.mkdir()
    ok("cp", "-r", *(m / kind for kind in TYPES), directory)
    return tree(directory)


def check_copy(vault, copied):
    """It is one of everything: all names, and the lengths that the vault gives."""
    assert {name.removesuffix(".blob") for name in copied} == {f"{k}/{n}" for k in TYPES for n in vault.list(k)}
    for name, blob in copied.items():
        assert len(blob) == len(vault.backup(*name.removesuffix(".blob").split("/")))


def warnings(m):
    """The log but for the line of the unmount."""
    return [line for line in m.lines() if line.get("event") != "unmounted"]


def test_numbers_sizes_and_times_are_the_same_after_a_remount_and_cost_nothing(vault, again):
    m = again(vault)
    first = looks(m)
    assert all(int(size) > 1000 for _, size, _ in first.values())
    assert len({number for number, _, _ in first.values()}) == len(first)
    m.unmount()
    vault.reset()
    m = again(vault, after=m)
    assert looks(m) == first
    m.unmount()
    assert vault.count("backup") == 0 and warnings(m) == []


def test_an_archive_is_not_complete_by_what_an_earlier_mount_downloaded(vault, again, tmp_path):
    m = again(vault)
    n = len(copy_of(m, tmp_path / "first"))
    assert f"archive     complete: {n} of {n}, 0 failed" in ok(KVFS, "status", m.path)
    m.unmount()
    m = again(vault, after=m)
    looks(m)
    assert f"archive     {n} of {n} downloaded, {n} of them by earlier mounts\n" in ok(KVFS, "status", m.path)
    copy_of(m, tmp_path / "second")
    assert f"archive     complete: {n} of {n}, 0 failed" in ok(KVFS, "status", m.path)


def test_a_number_is_never_given_to_another_object(vault, again):
    m = again(vault)
    first = looks(m)
    m.unmount()
    gone = vault.list("secrets")[0]
    vault.lose("secrets", gone)
    vault.set_secret("a-new-one")
    m = again(vault, after=m)
    second = looks(m)
    assert second["secrets/a-new-one.blob"][0] not in {number for number, _, _ in first.values()}
    del first[f"secrets/{gone}.blob"], second["secrets/a-new-one.blob"]
    assert second == first


def test_what_is_kept_is_for_its_owner_alone_and_no_blob_but_of_the_newest(vault, again, folder):
    vault.set_secret("plain", "the-value-itself")
    m = again(vault)
    blobs = copy_of(m, folder.parent / "copy")
    m.unmount()
    assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*")) if p.is_dir()} == {0o700}
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    # borg reads the newest of all on every run, so the newest of each type is kept.
    newest = [max((item for item in vault.pages(f"/{kind}") if not item.get("managed")),
                  key=lambda item: item["attributes"]["updated"]) for kind in TYPES]
    names = [f"{kind}/{(item.get('kid') or item['id']).rpartition('/')[2]}.blob" for kind, item in zip(TYPES, newest)]
    assert sorted(p.read_bytes() for p in kept_blobs(folder)) == sorted(blobs[name] for name in names)
    for file in set(files) - set(kept_blobs(folder)):
        kept = file.read_bytes()
        assert b"the-value-itself" not in kept
        assert not [1 for blob in blobs.values() if blob[100:150] in kept], file


def test_with_cache_none_nothing_is_written(vault, again, folder):
    m = again(vault, "cache=none")
    looks(m)
    assert not folder.exists()
    m.unmount()
    assert not folder.exists() and warnings(m) == []


def test_without_a_usable_folder_one_warning_says_what_it_costs(vault, mount, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    m = mount(vault, "ro", f"cache_dir={tmp_path}/file/cache")
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    m.unmount()
    lines = warnings(m)
    assert len(lines) == 1 and "every run fetches every blob" in lines[0].text, m.process.err


@pytest.mark.parametrize("planted", ["*.db", "*.blobs"])
def test_a_link_that_somebody_planted_is_not_followed(vault, again, folder, tmp_path, planted):
    m = again(vault, "cache=disk")
    looks(m)
    m.unmount()
    ours = next(folder.glob(planted))
    elsewhere = tmp_path / "elsewhere"
    ours.rename(elsewhere)
    ours.symlink_to(elsewhere)
    before = tree(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes()
    m = again(vault, "cache=disk", after=m)
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    m.unmount()
    lines = warnings(m)
    assert len(lines) == 1 and "every run fetches every blob" in lines[0].text, m.process.err
    assert (tree(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes()) == before


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own with 200 KB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    where = tmp_path / "disk"
    where.mkdir()
    ok("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", where)
    yield where
    ok("umount", "-l", where)


@pytest.mark.parametrize("cache", ["index", "disk"])
def test_a_full_disk_costs_requests_and_no_object(vaults, mount, small_disk, tmp_path, cache):
    vault = vaults("first", seed="secrets=60,value=20000")
    m = mount(vault, "ro", f"cache={cache}", f"cache_dir={small_disk}", "cache_size=200K")
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    m.unmount()
    assert m.lines(errno="ENOSPC") or [line for line in m.lines() if "disk is full" in line.text], m.process.err


def half(file):
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])


def holes(file):
    data = bytearray(file.read_bytes())
    for at in range(4096, len(data), 512):
        data[at:at + 64] = b"\xff" * 64
    file.write_bytes(data)


def other_database(file):
    file.unlink()
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE addresses (name TEXT)")
    db.commit()
    db.close()


DAMAGES = {
    "text": lambda file: file.write_text("not a database\n" * 1000),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "half of it": half,
    "holes": holes,
    "another program's": other_database,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_index_is_set_aside_and_everything_is_right(vault, again, folder, tmp_path, damage):
    m = again(vault)
    first = looks(m)
    m.unmount()
    DAMAGES[damage](index_of(folder))
    damaged = index_of(folder).read_bytes()
    m = again(vault, after=m)
    lines = warnings(m)
    assert len(lines) == 1 and "it was renamed to" in lines[0].text, m.process.err
    # Nothing is lost that somebody may want to look at.
    assert [f for f in folder.iterdir() if f.is_file() and f.read_bytes() == damaged]
    assert {name: look[1:] for name, look in looks(m).items()} == {name: look[1:] for name, look in first.items()}
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    second = looks(m)
    m.unmount()
    # And the new one is as good as any.
    vault.reset()
    m = again(vault, after=m)
    assert looks(m) == second and vault.count("backup") == 0 and warnings(m) == []


def test_the_index_of_a_newer_kvfs_is_left_alone(vault, again, folder, tmp_path):
    m = again(vault)
    looks(m)
    m.unmount()
    db = sqlite3.connect(index_of(folder))
    db.execute("PRAGMA user_version = 1000000")
    db.close()
    newer = index_of(folder).read_bytes()
    m = again(vault, after=m)
    lines = warnings(m)
    assert len(lines) == 1 and "newer" in lines[0].text and "every run fetches every blob" in lines[0].text
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    m.unmount()
    assert index_of(folder).read_bytes() == newer


def test_an_index_that_is_empty_is_begun_anew(vault, again, folder, tmp_path):
    m = again(vault)
    looks(m)
    m.unmount()
    index_of(folder).write_bytes(b"")
    m = again(vault, after=m)
    check_copy(vault, copy_of(m, tmp_path / "copy"))


def test_two_mounts_of_one_vault_at_once_share_what_is_known(vaults, again, tmp_path):
    vault = vaults("first", seed="keys=20,secrets=40,certificates=10")
    m = again(vault)
    known = looks(m)
    m.unmount()
    vault.reset()
    one, two = again(vault, after=m), again(vault)
    assert looks(one) == looks(two) == known and vault.count("backup") == 0
    for m in (one, two):
        m.unmount()
        assert warnings(m) == []


def test_two_mounts_at_once_on_a_new_index_archive_everything(vaults, again, tmp_path):
    vault = vaults("first", seed="keys=20,secrets=40,certificates=10")
    mounts = {tmp_path / "copy1": again(vault), tmp_path / "copy2": again(vault)}
    for where in mounts:
        where.mkdir()
    copiers = [subprocess.Popen(["cp", "-r", *(str(m / kind) for kind in TYPES), str(where)])
               for where, m in mounts.items()]
    assert [copier.wait(60) for copier in copiers] == [0, 0]
    for where, m in mounts.items():
        check_copy(vault, tree(where))
        m.unmount()
        assert warnings(m) == []
    # What both have written is a whole index.
    vault.reset()
    m = again(vault)
    numbers = [number for number, _, _ in looks(m).values()]
    assert len(set(numbers)) == len(numbers) == 70 and vault.count("backup") == 0
    m.unmount()
    m = again(vault)
    assert [number for number, _, _ in looks(m).values()] == numbers and warnings(m) == []


def test_two_mounts_at_once_never_give_two_objects_one_number(vaults, again):
    vault = vaults("first", seed="secrets=5")
    one, two = again(vault, "list_ttl=1"), again(vault, "list_ttl=1")
    ok("ls", one / "secrets"), ok("ls", two / "secrets")
    for i in range(5):
        vault.set_secret(f"new-{i}")
        for m in (one, two) if i % 2 else (two, one):
            listed_again(lambda m=m, i=i: f"new-{i}.blob" in m.names("secrets"), "the new one is listed")
    numbers = [look[0] for look in looks(one).values()]
    assert len(set(numbers)) == len(numbers)
    for m in (one, two):
        m.unmount()
        assert warnings(m) == []


@pytest.mark.parametrize("cache", ["index", "disk"])
def test_after_a_kill_in_the_middle_of_an_archive_everything_is_right(vaults, again, tmp_path, cache):
    vault = vaults("first", seed="keys=10,secrets=40,certificates=10")
    m = again(vault, f"cache={cache}")
    # cp comes to the keys last, so it cannot end before the kill.
    vault.fault(operation="backup", type="keys", action="stall")
    vault.fault(operation="backup", delay_ms=40)
    (tmp_path / "cut").mkdir()
    copier = subprocess.Popen(["cp", "-r", str(m / "secrets"), str(m / "keys"), str(tmp_path / "cut")],
                              stderr=subprocess.DEVNULL)
    eventually(lambda: vault.count("backup") >= 20, "the archive is under way")
    m.process.child.send_signal(signal.SIGKILL)
    assert copier.wait(30) != 0
    m.process.wait()
    m.discard()
    m.is_ended = True
    vault.clear()
    vault.reset()
    m = again(vault, f"cache={cache}", after=m)
    first = looks(m)
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    assert warnings(m) == []
    m.unmount()
    m = again(vault, after=m)
    assert looks(m) == first


def test_an_object_that_changed_within_the_second_in_which_it_was_read_is_read_anew(vaults, again):
    """The list's times are whole seconds: such a change shows in no listing."""
    vault = vaults("first")
    m = None

    def is_same_second():
        nonlocal m
        name = f"s{vault.count('restore')}{vault.count('set')}"
        m = again(vault, after=m)
        vault.set_secret(name, "v1")
        ok("cat", m / ".kvfs/manifest-now")
        before = len(ok("cat", m / f"secrets/{name}.blob", text=False))
        vault.set_secret(name, "v2" * 2000)
        m.unmount()
        times = {v["attributes"]["updated"] for v in vault.pages(f"/secrets/{name}/versions")}
        wanted = len(vault.backup("secrets", name))
        m = again(vault, after=m)
        assert len(ok("cat", m / f"secrets/{name}.blob", text=False)) == wanted > before
        m.unmount()
        return len(times) == 1

    eventually(is_same_second, "both versions are made in one second", 60)


def test_what_changed_while_nothing_was_mounted_is_new_and_the_rest_is_not_asked_for(vaults, again):
    vault = vaults("first", seed="keys=3,secrets=4,certificates=2")
    m = again(vault)
    first = looks(m)
    m.unmount()
    changed = vault.list("secrets")[1]
    vault.set_secret(changed, "y" * 3000)
    vault.reset()
    m = again(vault, after=m)
    second = looks(m)
    assert vault.stats("first")["backups"] == {f"secrets/{changed}": 1}
    name = f"secrets/{changed}.blob"
    # The same number, because it is the same object; another size and time.
    assert second[name][0] == first[name][0] and second[name][1:] != first[name][1:]
    del first[name], second[name]
    assert second == first


# Blobs on disk.

def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, half, lambda file: file.write_bytes(b""), lambda file: file.unlink()],
                         ids=["flipped", "half", "empty", "gone"])
def test_a_damaged_blob_on_disk_is_fetched_anew_and_never_shown(vault, again, folder, tmp_path, harm):
    m = again(vault, "cache=disk")
    looks(m)
    m.unmount()
    files = kept_blobs(folder)
    count = sum(len(vault.list(kind)) for kind in TYPES)
    assert len(files) == count
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)
    for file in files[:3]:
        harm(file)
    vault.reset()
    m = again(vault, "cache=disk", after=m)
    copied = copy_of(m, tmp_path / "copy")
    assert vault.count("backup") == 3
    for name, blob in copied.items():
        # The service itself takes it: nothing of it is another one's.
        kind, n = name.removesuffix(".blob").split("/")
        vault.lose(kind, n)
        vault.restore(kind, blob)


def test_blobs_on_disk_go_with_their_objects(vault, again, folder):
    m = again(vault, "cache=disk", "list_ttl=1")
    looks(m)
    before = len(kept_blobs(folder))
    vault.lose("secrets", vault.list("secrets")[0])
    listed_again(lambda: run("ls", m / "secrets").code == 0 and len(kept_blobs(folder)) == before - 1,
                 "the file of the lost object is gone")


def test_the_cache_can_be_removed_at_any_time(vault, again, folder, tmp_path):
    m = again(vault, "cache=disk")
    looks(m)
    shutil.rmtree(folder)
    check_copy(vault, copy_of(m, tmp_path / "copy"))
    m.unmount()
    m = again(vault, "cache=disk", after=m)
    check_copy(vault, copy_of(m, tmp_path / "copy2"))
