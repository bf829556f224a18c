"""Only the user who mounted sees anything, unless told otherwise."""
import os
import shutil

import pytest

from harness import (KVFS, PRIVATE_MOUNTS, environment, errno_of, eventually, is_mounted, needs_private_mounts, ok,
                     run)

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="acting as two users needs root")


@pytest.fixture(autouse=True)
def others_may_come_here(tmp_path):
    """The test's directory and those above it can be entered by other users."""
    path = tmp_path
    while path != path.parent and str(path) != "/tmp":
        path.chmod(path.stat().st_mode | 0o055)
        path = path.parent


def test_nobody_else_sees_anything(vault, mount):
    m = mount(vault)
    assert errno_of("list", m.path, user=NOBODY) == "EACCES"
    assert errno_of("stat", m / "keys", user=NOBODY) == "EACCES"


def test_allow_other_with_the_usual_umask_shows_nothing_more(vault, mount):
    m = mount(vault, "allow_other")
    assert errno_of("list", m.path, user=NOBODY) == "EACCES"
    assert "default_permissions" in next(x for x in open("/proc/self/mounts", encoding="utf-8") if str(m.path) in x)


def test_allow_other_with_a_umask_lets_others_read(vault, mount):
    m = mount(vault, "allow_other", "umask=022")
    name = vault.list("keys")[0]
    assert errno_of("list", m / "keys", user=NOBODY) == "0"
    assert errno_of("read", m / f"keys/{name}.blob", user=NOBODY) == "0"
    assert ok("stat", "-c", "%a", m / f"keys/{name}.blob").strip() == "644"
    # Nobody may restore but the owner.
    assert errno_of("create", m / "restore/x.blob", user=NOBODY) == "EACCES"


def test_uid_gid_and_umask_set_who_owns_what(vault, mount):
    m = mount(vault, "allow_other", f"uid={NOBODY}", f"gid={NOBODY}", "umask=0277")
    name = vault.list("keys")[0]
    assert ok("stat", "-c", "%u %g %a", m / f"keys/{name}.blob").split() == [str(NOBODY), str(NOBODY), "400"]
    assert errno_of("read", m / f"keys/{name}.blob", user=NOBODY) == "0"


def test_allow_root_is_no_allow_other(vault, mount):
    result = run("kvfs-is-not-in-path", shell="true")
    assert result.code == 0
    m = mount(vault, "allow_root")
    assert errno_of("list", m.path, user=NOBODY) == "EACCES"
    assert errno_of("list", m.path) == "0"


def test_the_log_names_the_user(vault, mount):
    m = mount(vault, "allow_other", "umask=0")
    name = vault.list("secrets")[0]
    vault.fault(operation="backup", name=name, status=403, code="ForbiddenByPolicy")
    assert errno_of("open", m / f"secrets/{name}.blob", user=NOBODY) == "EACCES"
    assert m.line(op="backup")["uid"] == str(NOBODY)


@pytest.fixture
def open_device():
    """On Debian /dev/fuse is open to everybody; on some machines only root may."""
    if not os.path.exists("/etc/mtab"):
        pytest.skip("fusermount3 -u of an ordinary user reads /etc/mtab, which this machine lacks")
    mode = os.stat("/dev/fuse").st_mode & 0o777
    if mode & 0o006 != 0o006 and os.geteuid() != 0:
        pytest.skip("/dev/fuse is not open to ordinary users on this machine")
    if mode & 0o006 != 0o006:
        os.chmod("/dev/fuse", 0o666)
    yield
    if os.stat("/dev/fuse").st_mode & 0o777 != mode:
        os.chmod("/dev/fuse", mode)


def test_an_ordinary_user_mounts_and_unmounts(vault, tmp_path, open_device):
    point = tmp_path / "theirs"
    point.mkdir()
    os.chown(point, NOBODY, NOBODY)
    env = environment(vault, HOME=str(tmp_path))
    ca = tmp_path / "ca.pem"  # the vault's own folder is root's
    shutil.copy(vault.ca, ca)
    ca.chmod(0o644)
    result = run(KVFS, "-o", f"cacert={ca}", vault.url, point, env=env, user=NOBODY)
    assert result.code == 0, result
    try:
        assert errno_of("list", point, user=NOBODY) == "0"
        assert errno_of("list", point) == "EACCES"
        ok("fusermount3", "-u", point, user=NOBODY)
    finally:
        if is_mounted(point):
            run("fusermount3", "-uz", point)
    eventually(lambda: not run("pgrep", "-f", f"kvfs .*{point}").out, "the end of kvfs")


def test_a_user_mounts_by_a_line_of_fstab(vault, tmp_path, open_device):
    point = tmp_path / "theirs"
    point.mkdir()
    os.chown(point, NOBODY, NOBODY)
    kvfs = tmp_path / "kvfs"
    kvfs.symlink_to(os.path.abspath(KVFS))
    ca = tmp_path / "ca.pem"
    shutil.copy(vault.ca, ca)
    ca.chmod(0o644)
    table = tmp_path / "fstab"
    table.write_text(f"{vault.url} {point} fuse.{kvfs} user,noauto,ro,cacert={ca} 0 0\n")
    env = environment(vault, HOME=None)  # mount.fuse3 says /root then
    user = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    script = (f"mount --bind {table} /etc/fstab && {user} mount {point} && {user} ls {point} && "
              f"{user} cat {point}/secrets/{vault.list('secrets')[0]}.blob >/dev/null; status=$?; "
              f"{user} fusermount3 -u {point} || umount -l {point}; exit $status")
    needs_private_mounts()
    result = run(*PRIVATE_MOUNTS, "bash", "-c", script, env=env)
    assert result.code == 0 and result.out.split() == ["certificates", "keys", "secrets"], result
    eventually(lambda: not run("pgrep", "-f", f"kvfs .*{point}").out, "the end of kvfs")


def test_where_home_is_another_user_s_it_is_what_the_system_has(tmp_path):
    """mount.fuse3 sets root's."""
    user = 54321
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    (home / ".config/kvfs.conf").write_text("types = nonsense\n")
    point = tmp_path / "point"
    for path in (home, point):
        path.mkdir(exist_ok=True)
        os.chown(path, user, user)
    with open("/etc/passwd", encoding="utf-8") as passwd:
        (tmp_path / "passwd").write_text(f"{passwd.read()}zed:x:{user}:{user}::{home}:/bin/sh\n")
    (tmp_path / "passwd").chmod(0o644)
    needs_private_mounts()
    script = (f"mount --bind {tmp_path}/passwd /etc/passwd && exec setpriv --reuid={user} --regid={user} --clear-groups "
              f"{KVFS} myvault {point}")
    result = run(*PRIVATE_MOUNTS, "bash", "-c", script, env=environment(HOME="/root"))
    assert result.code == 1 and f"{home}/.config/kvfs.conf line 1" in result.err, result
