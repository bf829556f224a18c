"""mount.kvfs, as mount(8) starts it: by -t kvfs, by lines of /etc/fstab, and for users who may mount them."""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

from harness import KVFS, PRIVATE_MOUNTS, Process, environment, eventually, needs_private_mounts, ok, run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root")

NOBODY = pwd.getpwnam("nobody").pw_uid
LISTED = ["certificates", "keys", "restore", "secrets"]
# /usr/sbin with the two links in it, and an /etc/fstab of its own; nothing of it is seen outside.
ENTER = """
set -e
mkdir real sbin
sbin=$(readlink -f /sbin)
mount --bind "$sbin" real
for x in real/*; do ln -s "$PWD/$x" sbin/; done
for x in mount.kvfs mount.fuse.kvfs; do ln -s "$KVFS_PROGRAM" sbin/$x; done
mount --bind sbin "$sbin"
# As udev makes it: for everybody.
cp -a /dev/fuse fuse
chmod 666 fuse
mount --bind fuse /dev/fuse
mount --bind fstab /etc/fstab
touch ready
exec sleep infinity
"""


class Host:
    """A mount namespace in which kvfs is installed as a mount helper."""

    def __init__(self, vault, folder):
        self.vault, self.folder = vault, folder
        self.point = folder / "point"
        self.point.mkdir()
        self.fstab = folder / "fstab"
        self.fstab.write_text("")
        program = folder / "kvfs"
        shutil.copy(KVFS, program)
        self.ca = folder / "ca.pem"
        shutil.copy(vault.ca, self.ca)
        self.options = f"cacert={self.ca},rate=400,cache=none"
        self.holder = Process([*PRIVATE_MOUNTS, "bash", "-c", ENTER], folder, "namespace", cwd=folder,
                              env=dict(os.environ, KVFS_PROGRAM=str(program)))
        eventually(lambda: (folder / "ready").exists(), "the namespace")

    def line(self, options, kind="kvfs", source=None):
        self.fstab.write_text(f"{source or self.vault.url} {self.point} {kind} {options},{self.options} 0 0\n")

    def run(self, *argv, user=None, env=None):
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return run("nsenter", "-t", self.holder.pid, "-m", "--", *who, *argv,
                   env=environment(self.vault) if env is None else env)

    def ok(self, *argv, **kwargs):
        result = self.run(*argv, **kwargs)
        assert result.code == 0, result
        return result.out

    def mounts(self):
        """Source, type of each mount on the point."""
        with open(f"/proc/{self.holder.pid}/mounts", encoding="utf-8") as mounts:
            rows = [line.split() for line in mounts]
        return [tuple(row[:3:2]) for row in rows if row[1] == str(self.point)]


@pytest.fixture
def host(vault):
    needs_private_mounts()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-helper-"))
    folder.chmod(0o755)
    h = Host(vault, folder)
    yield h
    while h.mounts():
        h.ok("umount", "-l", h.point)
    h.holder.kill()
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["kvfs", "fuse.kvfs"])
def test_mount_t_mounts(vault, host, kind):
    host.ok("mount", "-t", kind, vault.url, host.point, "-o", host.options)
    assert host.mounts() == [(vault.url, "fuse.kvfs")]
    assert host.ok("ls", host.point).split() == LISTED
    host.ok("umount", host.point)
    assert host.mounts() == []


@pytest.mark.parametrize("kind", ["kvfs", "fuse.kvfs"])
@pytest.mark.parametrize("options", [
    "ro,_netdev,nofail,x-systemd.automount,x-systemd.requires=network-online.target,x-gvfs-hide",
    "defaults,ro,auto,nouser,noatime,lazytime,comment=night",
    "ro,user,group,noexec,nosymfollow,iversion"])
def test_mount_a_mounts_a_line_once(vault, host, kind, options):
    host.line(options, kind)
    host.ok("mount", "-a")
    assert host.mounts() == [(vault.url, "fuse.kvfs")]
    host.ok("mount", "-a")
    assert host.mounts() == [(vault.url, "fuse.kvfs")]
    assert host.ok("ls", host.point).split() == ["certificates", "keys", "secrets"]


def test_noauto_is_for_who_asks(host):
    host.line("ro,noauto")
    host.ok("mount", "-a")
    assert host.mounts() == []
    host.ok("mount", host.point)
    assert len(host.mounts()) == 1


@pytest.mark.parametrize("kind", ["kvfs", "fuse.kvfs"])
def test_findmnt_finds_nothing_wrong_with_a_line(host, kind):
    host.line("ro,_netdev,nofail", kind)
    result = host.run("findmnt", "--verify")
    assert result.code == 0 and "0 parse errors, 0 errors" in result.out + result.err, result


def test_without_an_environment_everything_comes_from_the_line(vault, host):
    secret = host.folder / "secret"
    secret.write_text(vault.secret)
    secret.chmod(0o600)
    host.line(f"ro,tenant={vault.tenant},client_id={vault.client_id},client_secret_file={secret},"
              f"authority={vault.authority}")
    host.ok("env", "-i", "/usr/bin/mount", "-a", env={"PATH": os.environ["PATH"]})
    assert host.ok("ls", host.point).split() == ["certificates", "keys", "secrets"]


@pytest.mark.parametrize("word", ["user", "users"])
def test_a_user_mounts_and_unmounts(host, word):
    host.point.chmod(0o755)
    os.chown(host.point, NOBODY, NOBODY)
    host.line(f"{word},noauto,ro")
    host.ok("mount", host.point, user=NOBODY)
    assert host.ok("ls", host.point, user=NOBODY).split() == ["certificates", "keys", "secrets"]
    host.ok("umount", host.point, user=NOBODY)
    assert host.mounts() == []


def test_without_user_in_the_line_a_user_may_neither_mount_nor_unmount(host):
    host.line("noauto,ro")
    assert host.run("mount", host.point, user=NOBODY).code != 0
    host.ok("mount", host.point)
    assert host.run("umount", host.point, user=NOBODY).code != 0
    assert len(host.mounts()) == 1


def test_root_mounts_for_another_user(host):
    os.chown(host.point, NOBODY, NOBODY)
    host.line("setuid=nobody,ro")
    host.ok("mount", "-a")
    assert host.ok("ls", host.point, user=NOBODY).split() == ["certificates", "keys", "secrets"]
    assert host.run("ls", host.point).code != 0


@pytest.mark.skipif(not shutil.which("automount") or not os.path.exists("/dev/autofs"), reason="there is no autofs")
@pytest.mark.parametrize("kind", ["kvfs", "fuse.kvfs"])
def test_automount_mounts_on_the_first_look(vault, host, kind):
    where = vault.url.replace(":", "\\:")
    (host.folder / "map").write_text(f"vault -fstype={kind},ro,{host.options} :{where}\n")
    (host.folder / "master").write_text(f"{host.folder}/auto {host.folder}/map --timeout=60\n")
    automount = Process(["nsenter", "-t", host.holder.pid, "-m", "--", "automount", "--foreground", "--dont-check-daemon",
                         "--pid-file", host.folder / "pid", host.folder / "master"], host.folder, "automount",
                        env=environment(vault))
    vaults = host.folder / "auto/vault"
    try:
        eventually(lambda: host.run("ls", vaults).out.split() == ["certificates", "keys", "secrets"],
                   f"the mount:\n{automount.err}", 30)
    finally:
        host.run("umount", "-l", vaults)
        automount.child.terminate()
        automount.wait(20)


def test_f_checks_and_mounts_nothing(vault, host):
    host.ok("mount", "-f", "-t", "kvfs", vault.url, host.point, "-o", host.options)
    assert host.mounts() == []
    result = host.run("mount.kvfs", vault.url, host.point, "-f", "-o", "rate=fast")
    assert result.code == 1 and "rate" in result.err, result


def test_n_and_v_change_nothing(vault, host):
    host.ok("mount", "-n", "-v", "-t", "kvfs", vault.url, host.point, "-o", host.options)
    assert len(host.mounts()) == 1


def test_with_s_an_unknown_option_is_a_warning(vault, host):
    argv = ["mount", "-t", "kvfs", vault.url, host.point, "-o", f"vers=3.0,{host.options}"]
    result = host.run(*argv)
    assert result.code != 0 and "unknown option 'vers'" in result.err, result
    assert host.mounts() == []
    result = host.run(*argv, "-s")
    assert result.code == 0 and "'vers' is unknown, and ignored" in result.err, result
    assert len(host.mounts()) == 1


def test_n_with_a_namespace_mounts_there(vault, host):
    ok(host.folder / "sbin" / "mount.kvfs", vault.url, host.point, "-N", f"/proc/{host.holder.pid}/ns/mnt", "-o",
       host.options, env=environment(vault))
    assert host.mounts() == [(vault.url, "fuse.kvfs")]
    assert list(host.point.iterdir()) == []


@pytest.mark.parametrize("argv, says", [
    ([], "mount -t kvfs VAULT DIRECTORY"),
    (["myvault", "/mnt", "-x"], "mount -t kvfs VAULT DIRECTORY"),
    (["myvault", "/mnt", "-o"], "mount -t kvfs VAULT DIRECTORY"),
    (["myvault", "/mnt", "-N", "/no/such/namespace"], "-N /no/such/namespace: the mount namespace cannot be entered"),
    (["myvault", "/mnt", "-o", "ro,setuid=no-such-user"], "setuid=no-such-user: there is no such user"),
    (["myvault", "/mnt", "-o", "remount"], "cannot be changed: unmount it"),
    (["myvault", "/mnt", "-o", "drop_privileges"], "setuid=USER"),
])
def test_wrong_arguments_are_one_sentence(tmp_path, argv, says):
    helper = tmp_path / "mount.kvfs"
    helper.symlink_to(KVFS)
    result = run(helper, *argv)
    assert result.code == 1 and result.out == "", result
    assert result.err.startswith("kvfs: ") and result.err.count("\n") == 1 and says in result.err, result
