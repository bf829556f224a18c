"""Mistakes that people make: each is one sentence that names the thing and what to do, and nothing is mounted.

What users of sshfs, rclone mount, blobfuse2 and mount-s3 type comes first.
"""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

from harness import KVFS, environment, is_mounted, ok, run

NOBODY = pwd.getpwnam("nobody").pw_uid
NOTHING = dict(AZURE_TENANT_ID=None, AZURE_CLIENT_ID=None, AZURE_CLIENT_SECRET=None)
OTHER_TENANT = "99999999-8888-7777-6666-555555555555"

# A name, the arguments ({v}: the vault, {p}: the mount point, {t}: a directory), what the sentence has, changes of the
# environment.
ROWS = [
    ("nothing at all", "", "no vault and no mount point are given: kvfs VAULT MOUNTPOINT"),
    ("only a vault", "myvault", "'myvault' is the mount point, and no vault is given: kvfs VAULT MOUNTPOINT"),
    ("only a mount point", "{p}", "no vault is given: kvfs VAULT MOUNTPOINT"),
    ("the wrong order", "{p} myvault", "the vault comes first, kvfs myvault {p}"),
    ("a URL instead of the mount point", "{p} {v}", "the vault comes first, kvfs {v} {p}"),
    ("host:directory as of sshfs", "myvault:/secrets {p}", "has no ':' and no directory: kvfs myvault {p}"),
    ("remote: as of rclone", "myvault: {p}", "'myvault:' is not a vault: give its name, its host or its https URL"),
    ("user@host as of sshfs", "me@myvault {p}", "without a user name"),
    ("--read-only as of mount-s3", "{v} {p} --read-only", "that is -o ro here"),
    ("--allow-other as of rclone", "{v} {p} --allow-other", "that is -o allow_other here"),
    ("--config-file as of blobfuse2", "{v} {p} --config-file=x", "that is -o config=FILE here"),
    ("--foreground as of blobfuse2", "{v} {p} --foreground", "that is -f here"),
    ("-u as of fusermount3", "-u {p}", "kvfs umount MOUNTPOINT unmounts"),
    ("--vault-name as of az", "--vault-name myvault {p}", "the vault is an argument: kvfs VAULT MOUNTPOINT"),
    ("-o with a dash in a name", "-o allow-other {v} {p}", "that is -o allow_other here"),
    ("-o=", "-o=ro {v} {p}", "-o NAME=VALUE"),
    ("an option without -o", "ro {v} {p}", "'ro' is an option, and needs -o before it"),
    ("a value without -o", "auth=cli {v} {p}", "'auth' is an option, and needs -o before it"),
    ("a blank after the comma", "-o ro, rate=5 {v} {p}", "'rate' is an option, and needs -o before it"),
    ("an option at the end", "{v} {p} ro", "'ro' is an option, and needs -o before it"),
    ("-o at the end", "{v} {p} -o", "-o needs an option after it"),
    ("-o before the vault", "-o myvault {p}", "unknown option 'myvault'"),
    ("commas in a list", "-o types=keys,secrets {v} {p}", "separated by colons, as in types=keys:secrets"),
    ("a unit where there is none", "-o timeout=10s {v} {p}", "timeout=10s must be"),
    ("a value that is not there", "-o cache=ram {v} {p}", "cache=ram must be none, index or disk"),
    ("a flag with a value", "-o ro=yes {v} {p}", "ro takes no value"),
    ("remount", "-o remount,ro {v} {p}", "cannot be changed: unmount it, and mount it again"),
    ("http", "http://myvault.vault.azure.net {p}", "needs https"),
    ("the URL of a secret", "https://myvault.vault.azure.net/secrets/db {p}", "has no path: leave out '/secrets/db'"),
    ("a resource id", "/subscriptions/1/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v {p}",
     "is a resource id: give the name of the vault"),
    ("a name with '_'", "my_vault {p}", "'my_vault' is not the name of a vault: 3 to 24 letters, digits and '-'"),
    ("a name with dots", "my.vault.invalid {p}", "my.vault.invalid cannot be resolved"),
    ("an empty variable", ["", "{p}"], "is a variable not set?"),
    ("a secret as an option", "-o client_secret=hunter2 {v} {p}", "a secret has no place in the arguments"),
    ("a secret as a long option", "--client-secret hunter2 {v} {p}", "a secret has no place in the arguments"),
    ("a secret in the URL", "https://me:hunter2@myvault.vault.azure.net {p}", "without a user name"),
    ("a secret in the proxy", "-o proxy=http://me:hunter2@proxy:3128 {v} {p}", "must not contain a user name or a password"),
    ("a secret that all can read", "-o client_secret_file={t}/open {v} {p}", "{t}/open can be read by others: give it mode 0600"),
    ("a missing mount point", "{v} {t}/nowhere", "does not exist: create it with mkdir"),
    ("a file as mount point", "{v} {t}/open", "is not a directory"),
    ("a mount point with files", "{v} {t}", "is not empty, and the mount would hide what is in it"),
    ("the root", "{v} /", "is not empty"),
    ("two mount points", "{t} {p}", "is a path, and"),
    ("a missing configuration", "-o config={t}/nosuch {v} {p}", "config={t}/nosuch: there is no such file"),
    ("a missing certificate", "-o cacert={t}/nosuch {v} {p}", "{t}/nosuch"),
    ("a wrong user", "-o uid=nosuch-user {v} {p}", "uid=nosuch-user must be"),
    ("a wrong secret", "{v} {p}", "secret", {"AZURE_CLIENT_SECRET": "wrong"}),
    ("a wrong tenant", "{v} {p}", OTHER_TENANT, {"AZURE_TENANT_ID": OTHER_TENANT}),
    ("an expired login", "-o auth=cli {v} {p}", "az login", {**NOTHING, "PATH": "{t}/expired"}),
    ("no az", "-o auth=cli {v} {p}", "is not installed|not found|cannot be found", {**NOTHING, "PATH": "{t}/empty"}),
    ("umount of nothing", "umount {p}", "nothing is mounted on {p}"),
    ("umount of a directory that is not there", "umount {t}/nowhere", "{t}/nowhere: No such file or directory"),
    ("unmount", "unmount {p}", "nothing is mounted on {p}"),
    ("status of nothing", "status {p}", "nothing is mounted on {p}"),
    ("restore in the wrong order", "restore {p} {t}", "{p} has no file NAME.blob"),
    ("restore without an archive", "restore {t}/nowhere {p}", "{t}/nowhere"),
    ("verify without an archive", "verify {t}/nowhere", "{t}/nowhere: No such file or directory"),
    ("a misspelt command", "stauts {p}", "(did you mean the command 'status'? kvfs help lists them)"),
    ("a misspelt command with two directories", "verfy {t} {p}", "did you mean the command 'verify'?"),
    ("a misspelt long option", "--allow-othr {v} {p}", "did you mean '-o allow_other'?"),
    ("a misspelt --help", "--hlep", "did you mean '--help'?"),
    ("version without dashes", "version", "(if a command was meant: kvfs --version prints the version)"),
    ("a command of other programs", "list {p}", "(if a command was meant: to list a vault, mount it and use ls"),
    ("a vault after --print-config=", "--print-config=one", "--print-config takes no value: kvfs --print-config VAULT"),
    ("the option -t of mount", "-t kvfs {v} {p}", "-t TYPE belongs to mount(8)"),
    ("help of what is no command", "help unmout", "'unmout' is no command (did you mean 'umount'?"),
]


@pytest.fixture
def place(vault, tmp_path):
    """What the rows name."""
    point, things = tmp_path / "point", tmp_path / "things"
    point.mkdir()
    for directory in (things, things / "expired", things / "empty"):
        directory.mkdir()
    (things / "kvfs.conf").write_text(f"cacert = {vault.ca}\n")
    (things / "open").write_text("hunter2\n")
    (things / "open").chmod(0o644)
    az = things / "expired/az"
    az.write_text("#!/bin/sh\necho 'ERROR: AADSTS700082: The refresh token has expired due to inactivity.' >&2\n"
                  "echo 'Interactive authentication is needed. Please run:' >&2\necho 'az login' >&2\nexit 1\n")
    az.chmod(0o755)
    return {"v": vault.url, "p": str(point), "t": str(things)}


def assert_a_sentence(result, says, statuses=(1, 2, 3)):
    assert result.code in statuses and result.out == "", result
    assert result.err.startswith("kvfs: ") and result.err.count("\n") == 1, result
    assert 20 < len(result.err) < 900 and "hunter2" not in result.err, result
    assert any(words in result.err for words in says.split("|")), result


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_mistake_is_a_sentence(vault, place, row):
    _, argv, says, *changes = row
    env = {k: v and v.format(**place) for k, v in (changes[0] if changes else {}).items()}
    words = argv if isinstance(argv, list) else argv.split()
    result = run(KVFS, *(word.format(**place) for word in words), seconds=60,
                 env=environment(vault, **{"XDG_CONFIG_HOME": place["t"], **env}))
    assert_a_sentence(result, says.format(**place))
    assert not is_mounted(place["p"])


def test_a_second_mount_on_a_directory_is_a_mistake(vault, mount):
    m = mount(vault)
    assert_a_sentence(run(KVFS, "-o", f"cacert={vault.ca}", vault.url, m.path, env=environment(vault)),
                      f"in use by another kvfs: kvfs umount {m.path}")
    assert_a_sentence(run(KVFS, "-o", f"cacert={vault.ca}", vault.url, m / "restore", env=environment(vault)),
                      f"inside of a mount of kvfs, on {m.path}: choose another directory")


def test_a_misspelt_command_on_a_mount_is_not_only_a_mount_point_in_use(vault, mount):
    m = mount(vault)
    assert_a_sentence(run(KVFS, "unmuont", m.path, env=environment(vault)), "did you mean the command 'umount'?")
    assert is_mounted(m.path)


def test_a_vault_with_a_name_like_a_command_is_a_vault(vault, place):
    """By a section, whose failures say nothing of commands either."""
    conf = pathlib.Path(place["t"]) / "kvfs.conf"
    conf.write_text(f"cacert = {vault.ca}\n[stauts]\nvault = {vault.url}\n[vrify]\nvault = nosuch.vault.invalid\n")
    env = environment(vault, XDG_CONFIG_HOME=place["t"])
    ok(KVFS, "stauts", place["p"], env=env)
    ok(KVFS, "umount", place["p"])
    result = run(KVFS, "vrify", place["p"], env=env)
    assert_a_sentence(result, "nosuch.vault.invalid")
    assert "command" not in result.err


@pytest.mark.parametrize("text, says", [
    ("rate 5\n", "line 1: unknown option 'rate 5'"),
    ("ro\nnosuch = 1\n", "line 2: unknown option 'nosuch'"),
    ("[estate\nro\n", "line 1: a section is a line of its own, as in [estate]"),
    ("vaults = a b\n", "line 1: vaults belongs into the section of a mount"),
    ("proxy = 'http://proxy\n", "line 1: the quoted value has no end"),
    ("config = x\n", "line 1: config is for the command line"),
    ("client_secret = hunter2\n", "line 1: unknown option 'client_secret': a secret has no place"),
    ("= 5\n", "line 1: a key is missing before '='"),
])
def test_a_mistake_in_the_configuration_is_named_with_its_line(vault, place, tmp_path, text, says):
    file = tmp_path / "kvfs.conf"
    file.write_text(text)
    assert_a_sentence(run(KVFS, "-o", f"config={file}", vault.url, place["p"], env=environment(vault)), f"{file} {says}")


@pytest.fixture
def user_place(vault):
    """A directory that another user can reach, with kvfs and the CA certificate in it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-mistakes-"))
    folder.chmod(0o755)
    shutil.copy(KVFS, folder / "kvfs")
    shutil.copy(vault.ca, folder / "ca.pem")
    (folder / "point").mkdir()
    yield folder
    run("umount", "-l", folder / "point")
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
@pytest.mark.parametrize("options, says", [
    ("ro", "write access|/dev/fuse"), ("allow_other", "user_allow_other|write access|/dev/fuse")])
def test_a_user_who_may_not_mount_there_gets_the_reason(vault, user_place, options, says):
    argv = [user_place / "kvfs", "-o", f"cacert={user_place}/ca.pem,cache=none,{options}", vault.url, user_place / "point"]
    assert_a_sentence(run(*argv, env=environment(vault), user=NOBODY), says)


@pytest.mark.skipif(os.geteuid() != 0, reason="mount(8) with a table of its own needs root")
@pytest.mark.parametrize("line, says", [
    ("none {p} fuse.{k} ro 0 0", "none"),
    ("{v} {t}/nowhere fuse.{k} ro 0 0", "nowhere"),
    ("{v} {p} fuse.{k} ro;_netdev 0 0", "unknown option 'ro;_netdev'"),
    ("{v} {p} fuse.{k} vers=3.0 0 0", "unknown option 'vers'"),
    ("{v} {p} fuse.{k} username=me,password=hunter2 0 0", "that is -o client_id=ID here|a secret has no place"),
])
def test_a_mistake_in_fstab_is_a_sentence(vault, place, tmp_path, line, says):
    (tmp_path / "kvfs").symlink_to(KVFS)
    (tmp_path / "fstab").write_text(line.format(k=tmp_path / "kvfs", **place) + "\n")
    result = run("mount", "-T", tmp_path / "fstab", "-a", env=environment(vault), seconds=60)
    assert result.code != 0 and any(words in result.err for words in says.split("|")) and "hunter2" not in result.err, result
    assert not is_mounted(place["p"])


def test_what_looks_like_a_mistake_and_works(vault, place):
    ok(KVFS, "mount", "-s", "-o", f"rw,defaults,cacert={vault.ca}", f"{vault.url}/", place["p"], env=environment(vault))
    assert "keys" in ok("ls", place["p"])
    ok(KVFS, "unmount", place["p"] + "/")
    assert not is_mounted(place["p"])
