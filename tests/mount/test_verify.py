"""kvfs verify: what an archive lacks, holds in an older state, or holds damaged."""
import json
import os
import shutil

import pytest

from harness import KVFS, ok, run

KINDS = ("keys", "secrets", "certificates")
COMPLETE, INCOMPLETE, ONLY_CHANGED, ERROR = range(4)


@pytest.fixture
def m(vault, mount):
    return mount(vault, "ro", "list_ttl=3600")


@pytest.fixture
def archive(m, tmp_path):
    folder = tmp_path / "archive"
    ok("rsync", "-a", f"{m.path}/", f"{folder}/")
    (folder / "manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    return folder


def verify(*args):
    return run(KVFS, "verify", *args)


def found(result):
    return {line.split()[1].rstrip(":"): line.split()[0] for line in result.out.splitlines()[:-1]}


def test_a_whole_archive_is_complete_and_costs_no_backup(vault, m, archive):
    vault.reset()
    result = verify(archive, m.path)
    assert result.code == COMPLETE and result.out.startswith("9 complete, 0 missing"), result
    assert vault.count("backup") == 0 and vault.count("list") > 0
    vault.reset()
    assert verify(archive).code == COMPLETE
    assert vault.count("list") == 0


def test_what_is_missing_damaged_changed_and_gone_is_named(vault, m, archive):
    secrets = vault.list("secrets")
    (archive / f"secrets/{secrets[0]}.blob").unlink()
    damaged = archive / f"secrets/{secrets[1]}.blob"
    stat = damaged.stat()
    damaged.write_bytes(damaged.read_bytes()[:-9])
    os.utime(damaged, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    vault.set_secret(secrets[2], "newer")
    vault.set_secret("new")
    vault.lose("secrets", secrets[3])
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE
    finding = {}
    for line in result.out.splitlines()[:-1]:
        finding.setdefault(line.split()[1].rstrip(":"), []).append(line.split()[0])
    assert finding == {f"secrets/{secrets[0]}": ["missing"], f"secrets/{secrets[1]}": ["damaged", "missing"],
                       f"secrets/{secrets[2]}": ["changed"], "secrets/new": ["missing"],
                       f"secrets/{secrets[3]}": ["gone"]}
    assert result.out.splitlines()[-1] == "5 complete, 3 missing, 1 damaged, 1 changed, 1 gone from the vault"


def test_only_changed_objects_are_status_2(vault, m, archive):
    name = vault.list("secrets")[0]
    vault.set_secret(name, "newer")
    assert verify(archive, m.path).code == ONLY_CHANGED
    assert verify(archive).code == COMPLETE


def describe_files(archive):
    """What kvfs-archive writes into a manifest whose sizes and SHA-256 are those of the files."""
    head, *rest = (archive / "manifest").read_text().splitlines()
    (archive / "manifest").write_text("\n".join([json.dumps({**json.loads(head), "describes": "files"}), *rest]) + "\n")


def test_a_later_download_than_the_one_of_the_archive_is_no_damage(vault, mount, tmp_path):
    m = mount(vault, "ro", "cache=none", "cache_size=1M", "spill=0", "list_ttl=3600")
    archive, other = tmp_path / "archive", tmp_path / "other"
    ok("rsync", "-a", f"{m.path}/", f"{archive}/")
    m.unmount()
    m = mount(vault, "ro", "cache=none", "list_ttl=3600", again=m)
    ok("cp", "-r", m / "secrets", other)
    (archive / "manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    n = len(vault.list("secrets"))
    for args in ([archive, m.path], [archive]):
        result = verify(*args)
        assert result.code == INCOMPLETE and "missing " not in result.out.replace("0 missing", ""), result
        assert list(found(result).values()) == ["unproved"] * n
        assert result.out.endswith(f" 0 missing, 0 damaged, 0 changed, 0 gone from the vault, {n} unproved\n")
    assert json.loads(verify("--json", archive).out)["unproved"] == n
    # what the sentence says helps
    shutil.rmtree(archive / "secrets")
    ok("rsync", "-a", f"{m.path}/", f"{archive}/")
    assert verify(archive).code == verify(archive, m.path).code == COMPLETE


def test_a_manifest_of_the_files_proves_damage(vault, m, archive):
    describe_files(archive)
    assert verify(archive).code == COMPLETE
    name = vault.list("secrets")[0]
    path = archive / f"secrets/{name}.blob"
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] = ord("A") if data[len(data) // 2] != ord("A") else ord("B")
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    for args in ([archive, m.path], [archive]):
        result = verify(*args)
        assert result.code == INCOMPLETE and f"damaged  secrets/{name} " in result.out, result


@pytest.mark.parametrize("how", ["flip", "other type", "empty", "unreadable"])
def test_damage_is_found_with_and_without_a_mount(vault, m, archive, how):
    path = archive / f"secrets/{vault.list('secrets')[0]}.blob"
    stat, data = path.stat(), bytearray(path.read_bytes())
    if how == "flip":
        data[len(data) // 2] = ord("A") if data[len(data) // 2] != ord("A") else ord("B")
    path.write_bytes({"flip": data, "empty": b"", "unreadable": data,
                      "other type": next((archive / "keys").glob("*.blob")).read_bytes()}[how])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if how == "unreadable":
        path.unlink()
        os.mkfifo(path)
    for args in ([archive, m.path], [archive]):
        result = verify(*args)
        assert result.code == INCOMPLETE, result
        assert set(found(result).values()) <= ({"unproved"} if how == "flip" else {"damaged", "missing"})


def test_an_older_whole_state_is_not_hidden_by_a_damaged_newer_one(vault, m, archive, tmp_path):
    states = tmp_path / "states"
    shutil.move(archive, states / "monday")
    shutil.copytree(states / "monday", states / "tuesday")
    name = vault.list("secrets")[0]
    newer = states / f"tuesday/secrets/{name}.blob"
    newer.write_bytes(newer.read_bytes()[:100])
    result = verify("-m", states / "monday/manifest", states, m.path)
    assert result.code == INCOMPLETE
    assert result.out.splitlines()[-1].startswith("9 complete, 0 missing, 1 damaged")


def test_without_times_the_content_tells_the_state(m, archive):
    for path in archive.rglob("*.blob"):
        os.utime(path)
    assert verify(archive, m.path).code == verify(archive).code == COMPLETE


def test_types_that_the_mount_lacks_are_not_gone(vault, m, archive, mount):
    m.unmount()
    again = mount(vault, "ro", "types=secrets", again=m)
    result = verify(archive, again.path)
    assert result.code == COMPLETE and "0 gone" in result.out, result


def test_json_is_one_line(vault, m, archive):
    vault.set_secret("new")
    result = verify("--json", archive, m.path)
    about = json.loads(result.out)
    assert result.out.count("\n") == 1 and about["missing"] == 1 and about["complete"] == 9
    assert about["findings"] == [{"finding": "missing", "object": "secrets/new", "path": None,
                                  "why": "the archive has no file of it"}]


@pytest.mark.parametrize("wrong", ["no archive", "no manifest", "no mount", "usage", "damaged manifest"])
def test_what_cannot_be_verified_is_one_line_and_status_3(m, archive, tmp_path, wrong):
    args = {"no archive": ["/nonexistent", m.path], "no manifest": [archive / "keys"],
            "no mount": [archive, tmp_path], "usage": [], "damaged manifest": [archive]}[wrong]
    if wrong == "damaged manifest":
        (archive / "manifest").write_text((archive / "manifest").read_text()[:-20])
    result = verify(*args)
    assert result.code == ERROR and result.out == "" and len(result.err.splitlines()) == 1, result


def test_an_object_that_could_not_be_archived_is_missing(vault, mount, tmp_path):
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", type="secrets", name=name, status=403)
    m = mount(vault, "ro")
    assert run("rsync", "-a", f"{m.path}/", tmp_path / "archive").code == 23
    result = verify(tmp_path / "archive", m.path)
    assert result.code == INCOMPLETE and found(result) == {f"secrets/{name}": "missing"}
