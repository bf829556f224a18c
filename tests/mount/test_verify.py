"""kvfs verify: what an archive lacks, holds in an older state, or holds damaged."""
import hashlib
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


def describe(archive, path):
    """The line of this file, with its size and SHA-256."""
    data, found_line = path.read_bytes(), f'"type":"{path.parent.name}","name":"{path.stem}",'
    about = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    lines = (archive / "manifest").read_text().splitlines()
    lines = [json.dumps({**json.loads(x), **about}) if found_line in x else x for x in lines]
    (archive / "manifest").write_text("\n".join(lines) + "\n")


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
        assert f" 0 missing, 0 damaged, 0 changed, 0 gone from the vault, {n} unproved" in result.out
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


def put(path, data):
    """Damage that keeps the time, as that of a disk does."""
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def altered(data):
    """A whole blob of the same size."""
    at = len(data) // 2
    return data[:at] + (b"B" if data[at:at + 1] == b"A" else b"A") + data[at + 1:]


NO_BLOB = {"zeros": bytes, "other size": lambda n: bytes(n + 77), "random": os.urandom, "A": lambda n: b"A" * n,
           "newlines": lambda n: b"\n" * n, "magic and zeros": None, "magic": lambda n: b"",
           "text": lambda n: (b"This is no blob. " * n)[:n]}


@pytest.mark.parametrize("has_old_time", [True, False])
@pytest.mark.parametrize("has_manifest", [True, False])
@pytest.mark.parametrize("how", NO_BLOB)
def test_what_is_no_blob_is_damaged_whatever_its_time(vault, m, archive, how, has_manifest, has_old_time):
    if not has_manifest:
        (archive / "manifest").unlink()
    name = vault.list("secrets")[0]
    path = archive / f"secrets/{name}.blob"
    data = path.read_bytes()
    content = {"magic and zeros": data[:41] + bytes(len(data) - 41), "magic": data[:42]}.get(how)
    put(path, NO_BLOB[how](len(data)) if content is None else content)
    if not has_old_time:
        os.utime(path)
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and f"damaged  secrets/{name} " in result.out, result
    assert result.out.endswith("8 complete, 1 missing, 1 damaged, 0 changed, 0 gone from the vault\n")
    assert json.loads(verify("--json", archive, m.path).out)["damaged"] == 1


def test_an_archive_without_any_blob_is_not_complete(m, archive):
    for path in archive.rglob("*.blob"):
        put(path, bytes(path.stat().st_size))
    (archive / "manifest").unlink()
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and "0 complete, 0 missing" in result.out and "9 unproved" in result.out, result


def test_a_form_of_blob_that_kvfs_does_not_recognise_is_complete_if_a_manifest_has_it(vault, m, archive):
    for path in archive.rglob("*.blob"):
        put(path, os.urandom(3000))
        describe(archive, path)
    assert verify(archive).code == COMPLETE
    (archive / "manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    assert verify(archive).code == INCOMPLETE


def test_without_a_manifest_whole_blobs_are_believed_and_counted(vault, m, archive):
    (archive / "manifest").unlink()
    result = verify(archive, m.path)
    assert result.code == COMPLETE and "in no manifest" not in result.out, result
    path = archive / f"secrets/{vault.list('secrets')[0]}.blob"
    put(path, altered(path.read_bytes()))
    result = verify(archive, m.path)
    assert result.code == COMPLETE, result
    assert result.out.endswith(" 0 gone from the vault; of the complete, the SHA-256 of 1 is in no manifest\n")
    assert json.loads(verify("--json", archive, m.path).out)["without_sha256"] == 1


def test_another_size_than_the_vaults_at_the_same_time_is_not_complete(vault, m, archive):
    """Two changes have one second, or the file is another object's."""
    (archive / "manifest").unlink()
    vault.set_secret("long", "x" * 900)
    other = m / "secrets/long.blob"
    name = vault.list("secrets")[0]
    put(archive / f"secrets/{name}.blob", other.read_bytes())
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and found(result)[f"secrets/{name}"] == "unproved", result
    assert "bytes, " in result.out and "in the vault at the same time" in result.out, result
    # a manifest of the files proves that it was downloaded so
    (archive / "manifest").write_text(ok("cat", m / ".kvfs/manifest"))
    ok("rsync", "-a", f"{m.path}/secrets/long.blob", f"{archive}/secrets/")
    describe_files(archive)
    describe(archive, archive / f"secrets/{name}.blob")
    result = verify(archive, m.path)
    assert result.code == ONLY_CHANGED and found(result) == {f"secrets/{name}": "changed"}, result


def test_the_mounts_manifest_proves_a_file_that_that_of_the_archive_does_not_have(vault, m, archive):
    head, *rest = (archive / "manifest").read_text().splitlines()
    rest = [json.dumps({**json.loads(x), "sha256": "0" * 64}) for x in rest]
    (archive / "manifest").write_text("\n".join([head, *rest]) + "\n")
    assert verify(archive).code == INCOMPLETE
    assert verify(archive, m.path).code == COMPLETE


@pytest.mark.parametrize("has_old_time", [True, False])
def test_a_file_that_the_vault_cannot_give_again_is_checked_against_the_manifest_of_the_files(
        vault, m, archive, has_old_time):
    describe_files(archive)
    name = vault.list("secrets")[0]
    vault.lose("secrets", name)
    assert verify(archive, m.path).code == COMPLETE
    path = archive / f"secrets/{name}.blob"
    put(path, altered(path.read_bytes()))
    if not has_old_time:
        os.utime(path)
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and found(result)[f"secrets/{name}"] in ("damaged", "unproved"), result
    if has_old_time:
        assert f"damaged  secrets/{name} " in result.out, result
        assert f"damaged  secrets/{name} " in verify(archive).out
    path.unlink()
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and f"missing  secrets/{name}: the archive has no file" in result.out, result


def test_the_last_good_copy_of_what_has_changed_is_checked_against_the_manifest_of_the_files(vault, m, archive):
    describe_files(archive)
    name = vault.list("secrets")[0]
    vault.set_secret(name, "newer")
    assert verify(archive, m.path).code == ONLY_CHANGED
    path = archive / f"secrets/{name}.blob"
    put(path, altered(path.read_bytes()))
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and f"damaged  secrets/{name} " in result.out, result


def test_a_manifest_of_another_vault_proves_nothing(m, archive):
    text = (archive / "manifest").read_text()
    about = json.loads(text.splitlines()[0])
    (archive / "manifest").write_text(text.replace(about["vault"], "two.example", 1))
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and "the manifest of the archive is of two.example" in result.err, result
    result = verify("--json", archive, m.path)
    assert result.code == INCOMPLETE
    found_there = json.loads(result.out)
    assert found_there["other_vault"] and found_there["manifest_vault"] == "two.example"
    assert found_there["vault"] == about["vault"]
    path = next(archive.rglob("secrets/*.blob"))
    put(path, altered(path.read_bytes()))
    assert "1 unproved" in verify(archive, m.path).out


def test_a_mount_of_another_vault_does_not_count_as_a_complete_archive(vaults, mount, tmp_path):
    two = vaults("one", "two")
    two.set_secret("only", vault="one")
    m = mount(two, "ro", name="one")
    ok("rsync", "-a", f"{m.path}/", f"{tmp_path}/archive/")
    m.unmount()
    m = mount(two, "ro", name="two")
    result = verify(tmp_path / "archive", m.path)
    assert result.code == INCOMPLETE and "is the mount of the vault that was archived?" not in result.out, result
    assert f"is {m.path} the mount of the vault that was archived?" in result.err, result
    assert json.loads(verify("--json", tmp_path / "archive", m.path).out)["all_gone"]


def test_a_vault_that_is_empty_now_and_has_the_manifest_of_the_archive_is_the_right_one(vault, m, archive):
    for kind in KINDS:
        for name in vault.list(kind):
            vault.lose(kind, name)
    result = verify(archive, m.path)
    assert result.code == COMPLETE and "9 gone" in result.out and result.err == "", result


def test_files_without_the_times_of_the_vault_are_one_sentence(vault, m, archive):
    (archive / "manifest").unlink()
    for path in archive.rglob("*.blob"):
        path.write_bytes(altered(path.read_bytes()))  # as another download has other bytes
    result = verify(archive, m.path)
    assert result.code == INCOMPLETE and len(result.out.splitlines()) == 2, result
    assert result.out.splitlines()[0].endswith(", and 8 others") and "9 unproved" in result.out
    assert "cp -a" in result.err and len(result.err.splitlines()) == 1, result


def test_the_folder_of_one_of_several_vaults_must_be_named_even_if_another_is_away(vaults, mount, archive):
    two = vaults("here", "away")
    two.fault(vault="away", status=503)
    m = mount(two, "ro", targets=[two.urls["here"], two.urls["away"]])
    m.line(event="away")
    result = verify(archive, m.path)
    assert result.code == ERROR and "name the folder of one" in result.err and result.err.count("\n") == 1, result


def test_a_state_of_several_must_be_named(m, archive, tmp_path):
    states = tmp_path / "states"
    shutil.move(archive, states / "000001_2026-01-31T0100Z")
    (states / "latest").symlink_to("000001_2026-01-31T0100Z")
    for args in ([states], [f"{states}/", m.path]):
        result = verify(*args)
        assert result.code == ERROR and f"did you mean {states}/latest?" in result.err, result
    assert verify(states / "latest", m.path).code == COMPLETE


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


def test_types_that_the_mount_lacks_are_checked_against_the_manifest_of_the_archive(vault, m, archive, mount):
    names = sorted(path.stem for path in archive.glob("keys/*.blob"))
    for path in archive.rglob("*.blob"):
        describe(archive, path)
    describe_files(archive)
    m.unmount()
    again = mount(vault, "ro", "types=secrets", again=m)
    assert verify(archive, again.path).out.startswith("9 complete, 0 missing, 0 damaged, 0 changed, 0 gone")
    path = archive / f"keys/{names[0]}.blob"
    put(path, altered(path.read_bytes()))
    (archive / f"keys/{names[1]}.blob").unlink()
    assert "damaged" in verify(archive).out
    result = verify(archive, again.path)
    assert result.code == INCOMPLETE and result.out == verify(archive).out, result
    (archive / "manifest").unlink()
    result = verify(archive, again.path)
    assert result.code == INCOMPLETE and "only the form of their files was checked" in result.err, result
    assert json.loads(verify("--json", archive, again.path).out)["unchecked"] > 0


def test_json_is_one_line(vault, m, archive):
    vault.set_secret("new")
    result = verify("--json", archive, m.path)
    about = json.loads(result.out)
    assert result.out.count("\n") == 1 and about["missing"] == 1 and about["complete"] == 9
    assert about["findings"] == [{"finding": "missing", "object": "secrets/new", "path": None,
                                  "why": "the archive has no file of it"}]


def test_wrong_arguments_are_named_before_the_usage_and_options_may_be_last(m, archive):
    usage = "usage: kvfs verify [--json] [-m MANIFEST] ARCHIVE [MOUNTPOINT]\n"
    for args, says in (([], "no archive is given"), ([archive, m.path, "x"], "too many arguments: 'x'"),
                       ([archive, "--jsn"], "unknown option '--jsn'"), ([archive, "-m"], "-m needs a value")):
        result = verify(*args)
        assert result.code == ERROR and result.out == "" and result.err == f"kvfs: verify: {says}\n{usage}", result
    assert json.loads(verify(archive, m.path, "--json").out)["missing"] == 0


@pytest.mark.parametrize("wrong", ["no archive", "no manifest", "no mount", "damaged manifest"])
def test_what_cannot_be_verified_is_one_line_and_status_3(m, archive, tmp_path, wrong):
    args = {"no archive": ["/nonexistent", m.path], "no manifest": [archive / "keys"],
            "no mount": [archive, tmp_path], "damaged manifest": [archive]}[wrong]
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
