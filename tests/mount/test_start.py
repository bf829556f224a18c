"""A start that cannot work is one sentence on stderr and exit status 1, with nothing mounted."""
import os
import re
import signal
import socket
import stat

import pytest

from harness import KVFS, TYPES, Process, closed_port, environment, errno_of, eventually, is_mounted, ok, run


@pytest.fixture
def start(vault, tmp_path):
    """Run kvfs as a person does, without -f; its result. What it mounted is unmounted."""
    point = tmp_path / "point"
    point.mkdir()

    def go(*argv, env=None, cacert=True, target=None, where=point, on=vault, **kwargs):
        argv = [*(["-o", f"cacert={on.ca}"] if cacert else []), *argv]
        argv += [x for x in (on.url if target is None else target, where) if x != ""]
        return run(KVFS, *argv, env=environment(on, **(env or {})), cwd=tmp_path, **kwargs)

    go.point = point
    yield go
    while is_mounted(point):
        ok("fusermount3", "-u", point)


@pytest.fixture
def refused(start):
    """A start that must fail, with a sentence that has all these words."""
    def go(*argv, says=(), **kwargs):
        before = is_mounted(start.point)
        result = start(*argv, **kwargs)
        assert result.code == 1, result
        assert result.out == "", result
        lines = result.err.splitlines()
        assert len(lines) == 1, result
        assert lines[0].startswith("kvfs: "), result
        assert 20 < len(lines[0]) < 900, result
        for word in says:
            assert re.search(word, lines[0]), f"{word!r} is not in {lines[0]!r}"
        assert is_mounted(start.point) == before
        return lines[0]

    return go


# What works.

def test_mounts_in_the_background_and_ends_with_the_unmount(start):
    result = start()
    assert (result.code, result.out, result.err) == (0, "", ""), result
    assert is_mounted(start.point)
    assert ok("ls", start.point).split() == ["certificates", "keys", "restore", "secrets"]
    ok("fusermount3", "-u", start.point)
    assert not is_mounted(start.point)


def test_in_the_background_it_has_no_terminal_and_holds_no_directory(start):
    ok_start = start()
    assert ok_start.code == 0, ok_start
    pid = int(ok("sh", "-c", f"pgrep -f -- '{start.point}$'").split()[0])
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    for fd in "012":
        assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
    assert os.getsid(pid) != os.getsid(0)


def test_a_directory_that_is_not_empty_is_hidden_only_with_nonempty(start, refused):
    (start.point / "a file").write_text("below")
    refused(says=[str(start.point), "not empty", "-o nonempty"])
    assert start("-o", "nonempty").code == 0
    ok("fusermount3", "-u", start.point)
    assert (start.point / "a file").read_text() == "below"


def test_the_vault_can_be_an_option_an_environment_variable_or_in_the_config_file(start, vault, tmp_path):
    assert start("-o", f"vault={vault.url}", target="").code == 0
    ok("fusermount3", "-u", start.point)
    assert start(target="", env={"KVFS_VAULT": vault.url}).code == 0
    ok("fusermount3", "-u", start.point)
    config = tmp_path / "config"
    config.mkdir()
    (config / "kvfs.conf").write_text(f"# a comment\n\nvault = {vault.url}\n  cacert={vault.ca}\nro\n")
    assert start(target="", cacert=False, env={"XDG_CONFIG_HOME": config}).code == 0
    assert ok("ls", start.point).split() == ["certificates", "keys", "secrets"]


def test_the_command_line_wins_over_the_config_file(start, vault, tmp_path):
    (tmp_path / "kvfs.conf").write_text("vault = https://nosuch.vault.invalid\ntypes = keys\n")
    assert start("-o", "types=secrets", env={"XDG_CONFIG_HOME": tmp_path}).code == 0
    assert ok("ls", start.point).split() == ["restore", "secrets"]


def test_help_and_version_go_to_stdout(tmp_path):
    for flag in ("-h", "--help"):
        result = run(KVFS, flag)
        assert result.code == 0 and result.err == "" and "MOUNTPOINT" in result.out, result
        for option in ("cacert", "authority", "auth", "tenant", "types", "ro", "rate", "timeout", "allow_other"):
            assert option in result.out
    for flag in ("-V", "--version"):
        result = run(KVFS, flag)
        assert result.code == 0 and result.err == "" and re.match(r"kvfs \d+\.\d+\.\d+\n", result.out), result
        for library in ("libfuse", "libcurl", "OpenSSL", "SQLite", "cJSON"):
            assert re.search(rf"{library}/\d+\.\d+", result.out), result


def test_mount_and_fstab_start_it_by_name(vault, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mount(8) with a type needs root")
    point = tmp_path / "mnt"
    point.mkdir()
    # mount(8) looks for helpers in its own PATH, so kvfs is given by its path; "kvfs" alone is the same.
    kvfs = tmp_path / "kvfs"
    kvfs.symlink_to(os.path.abspath(KVFS))
    for argv in (["-t", f"fuse.{kvfs}", vault.url], ["-t", "fuse", f"{kvfs}#{vault.url}"]):
        options = f"ro,nosuid,nodev,noatime,_netdev,x-systemd.automount,cacert={vault.ca}"
        ok("mount", *argv, point, "-o", options, env=environment(vault))
        try:
            assert ok("ls", point).split() == ["certificates", "keys", "secrets"]
        finally:
            ok("umount", point)


def test_types_leave_out_the_rest_and_ask_nothing_of_it(start, vault):
    vault.reset()
    assert start("-o", "types=keys:secrets,ro").code == 0
    assert ok("ls", start.point).split() == ["keys", "secrets"]
    assert vault.stats()["by_type"]["certificates"] == {}


# What does not.

def test_an_unknown_host_is_named(refused):
    refused(target="https://nosuch.vault.invalid", says=["nosuch.vault.invalid"])


def test_a_vault_name_that_is_not_there_is_named(refused):
    # `.invalid` never resolves; a name without a suffix gets the public cloud's, so it is given in full here.
    refused("-o", "types=keys", target="https://no-such-vault.invalid/", says=["no-such-vault.invalid"])


def test_a_port_where_nobody_listens_is_named(refused):
    port = closed_port()
    refused(target=f"https://127.0.0.1:{port}", says=[str(port)])


def test_a_server_that_never_answers_does_not_hold_the_start_for_ever(refused):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        refused("-o", "timeout=5", target=f"https://127.0.0.1:{s.getsockname()[1]}", says=["127.0.0.1"], seconds=40)


def test_a_wrong_secret_is_told_apart_and_not_shown(refused, vault):
    text = refused(env={"AZURE_CLIENT_SECRET": "Wrong~Secret0"}, says=["secret|credential", "AADSTS7000215|refused"])
    assert "Wrong~Secret0" not in text
    assert vault.count("token", 200) == 0


def test_a_wrong_client_is_named(refused):
    refused(env={"AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555"},
            says=["11111111-2222-3333-4444-555555555555|AADSTS700016|refused"])


def test_another_tenant_than_the_vaults_is_refused_and_both_are_named(refused, vault):
    other = "99999999-8888-7777-6666-555555555555"
    refused(env={"AZURE_TENANT_ID": other}, says=[other, vault.tenant])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("deny", ["policy", "rbac"])
def test_a_type_that_may_not_be_listed_is_named_with_the_permission_and_the_option(refused, start, vaults, kind, deny):
    vault = vaults("first", options=["--deny-kind", deny])
    vault.rights(";".join(f"{t}={'get,backup' if t == kind else '*'}" for t in TYPES))
    refused(on=vault, says=[kind, "list", "-o types="])
    assert start("-o", f"types={':'.join(t for t in TYPES if t != kind)}", on=vault).code == 0


def test_a_firewall_is_named(refused, vaults):
    vault = vaults("first", options=["--deny-kind", "firewall"])
    vault.rights("keys=get")
    refused(on=vault, says=["Firewall"])


def test_a_missing_ca_file_is_named(refused, tmp_path):
    refused("-o", f"cacert={tmp_path}/nosuch.pem", cacert=False, says=["nosuch.pem"])


def test_a_ca_file_that_is_not_pem_is_named(refused, tmp_path):
    (tmp_path / "junk.pem").write_text("this is no certificate\n")
    refused("-o", f"cacert={tmp_path}/junk.pem", cacert=False, says=["junk.pem"])


def test_a_ca_that_is_a_directory_is_named(refused, tmp_path):
    refused("-o", f"cacert={tmp_path}", cacert=False, says=[str(tmp_path)])


def test_a_certificate_of_an_unknown_ca_is_refused_with_what_to_do(refused, vault):
    refused(cacert=False, says=["certificate", "cacert="])


def test_another_ca_is_no_help(refused, tmp_path):
    ok("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
       "-subj", "/CN=another", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "other.pem")
    refused("-o", f"cacert={tmp_path}/other.pem", cacert=False, says=["certificate"])


def test_a_missing_mountpoint_is_named(refused, tmp_path):
    refused(where=tmp_path / "nowhere", says=["nowhere"])


def test_a_mountpoint_that_is_a_file_is_named(refused, tmp_path):
    (tmp_path / "plain").write_text("")
    refused(where=tmp_path / "plain", says=["plain", "directory"])


def test_a_mountpoint_that_is_in_use_by_kvfs_is_refused(start, refused):
    assert start().code == 0
    refused(says=[re.escape(str(start.point)), "mounted|in use"])
    assert ok("ls", start.point).split() == ["certificates", "keys", "restore", "secrets"]


@pytest.mark.parametrize("option", ["nosuch", "nosuch=1", "cacerts=x", "client_secret=hunter2"])
def test_an_unknown_option_is_named(refused, option):
    text = refused("-o", option, says=[option.partition("=")[0]])
    assert "hunter2" not in text


def test_an_unknown_flag_is_named(refused):
    refused("-Z", says=["-?Z"])
    refused("--nosuch", says=["nosuch"])


@pytest.mark.parametrize("option", [
    "rate=0", "rate=-1", "rate=fast", "rate=", "rate=1e99", "rate=nan", "max_inflight=0", "max_inflight=x",
    "timeout=0", "timeout=soon", "timeout=-5", "timeout=10s", "list_ttl=-1", "list_ttl=x", "cache_size=big",
    "cache_size=-1", "size=guess", "auth=magic", "types=", "types=keys:foo", "types=keys,secrets", "uid=-1",
    "uid=nobody-at-all", "gid=x", "umask=9", "umask=07777777", "api_version=", "api_version=7.4&x=1",
    "authority=http://login.example.com", "authority=https://", "authority=ftp://login.example.com", "tenant=a/b", "ro=maybe", "cacert="])
def test_a_bad_value_is_named_with_its_option(refused, option):
    name = "secrets" if option == "types=keys,secrets" else option.partition("=")[0]
    refused("-o", option, says=[name])


def test_no_arguments_no_vault_and_no_mountpoint_are_told_apart(refused, start):
    refused(cacert=False, target="", where="", says=["MOUNTPOINT|mountpoint|mount point", "kvfs"])
    refused(target="", says=["vault"])
    refused("one", "two", "three", target="", where="", says=["mount point"])
    refused("/one", says=["two mount points"])


@pytest.mark.parametrize("name", [
    "ab", "a" * 25, "my_vault", "vault name", "-vault", "https://", "https:///keys", "https://host:99999",
    "https://host:port", "https://user:pass@host", "https://host/keys/one", "ftp://host", "https://host?x=1", "vau/lt",
    "https://[::1", "https://ho st"])
def test_a_malformed_vault_is_refused(refused, name):
    text = refused(target=name)
    assert "user:pass" not in text


def test_plain_http_is_refused(refused, vault):
    refused(target=vault.url.replace("https:", "http:"), says=["https"])


NOTHING = dict(AZURE_TENANT_ID=None, AZURE_CLIENT_ID=None, AZURE_CLIENT_SECRET=None)


def test_no_credential_at_all_has_a_line_for_each_that_there_could_be(start, tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    result = start(env=dict(NOTHING, PATH=str(empty)), seconds=60)
    assert result.code == 1 and not is_mounted(start.point), result
    lines = result.err.splitlines()
    assert re.fullmatch("kvfs: no credential gave a token for https://.*:", lines[0]), result
    assert re.match("  environment: for a client secret, AZURE_CLIENT_SECRET is not set", lines[1]), result
    assert all(re.match(r"  [a-zA-Z ]+: .{10}", line) for line in lines[1:-1]), result
    assert "az login" in lines[-1], result


@pytest.mark.parametrize("missing", ["AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])
def test_with_auth_env_a_missing_variable_is_named(refused, missing):
    refused("-o", "auth=env", env={missing: None}, says=[missing])


def test_with_auth_cli_a_missing_az_is_said(refused, tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    refused("-o", "auth=cli", env=dict(NOTHING, PATH=str(empty)), says=[r"\baz\b"])


def test_with_auth_token_the_file_must_be_given(refused):
    refused("-o", "auth=token", env=NOTHING, says=["token_file"])


@pytest.mark.parametrize("option", ["token_file", "client_secret_file"])
def test_a_file_with_a_secret_must_be_private(refused, tmp_path, option):
    file = tmp_path / "private"
    env = {"AZURE_CLIENT_SECRET": None}
    refused("-o", f"{option}={file}", env=env, says=["private"])
    file.write_text("value")
    # What root owns may be readable by its group, as systemd's credentials are.
    for mode in (0o644, 0o604, 0o660, *([] if os.geteuid() == 0 else [0o640])):
        file.chmod(mode)
        refused("-o", f"{option}={file}", env=env, says=["private", "0600|chmod 600"])
    if os.geteuid() == 0:
        file.chmod(0o600)
        os.chown(file, 65534, 65534)
        refused("-o", f"{option}={file}", env=env, says=["private"])
    file.unlink()
    file.mkdir()
    refused("-o", f"{option}={file}", env=env, says=["private"])


def test_a_mistake_in_the_config_file_is_named_with_file_and_line(refused, tmp_path):
    (tmp_path / "kvfs.conf").write_text("rate = 5\nnosuch = 1\n")
    refused(env={"XDG_CONFIG_HOME": tmp_path}, says=[r"kvfs\.conf.*\b2\b", "nosuch"])
    (tmp_path / "kvfs.conf").write_text("rate = fast\n")
    refused(env={"XDG_CONFIG_HOME": tmp_path}, says=[r"kvfs\.conf.*\b1\b", "rate"])


def test_a_challenge_for_another_service_is_refused_before_any_credential_is_used(refused, vaults):
    other = vaults("first", options=["--challenge-resource", "https://vault.example.com"])
    refused(on=other, says=[r"vault\.example\.com", "no_challenge_verify"])
    assert other.count("token") == 0


@pytest.mark.parametrize("option", ["size=always", "cache=memory", "cache_dir=", "spill=much", "prefetch=-1", "max_age=0"])
def test_a_value_that_an_option_does_not_have_is_refused(refused, option):
    refused("-o", option, says=[option.split("=")[0]])


def test_an_interrupted_start_leaves_nothing(vault, tmp_path):
    point = tmp_path / "mnt"
    point.mkdir()
    vault.fault(operation="list", action="stall")
    argv = [KVFS, "-f", "-o", f"cacert={vault.ca}", vault.url, point]
    child = Process(argv, tmp_path, "kvfs", env=environment(vault))
    try:
        eventually(lambda: vault.stats()["in_flight"] > 0, "the first request")
        child.child.send_signal(signal.SIGINT)
        assert child.wait(15) != 0
        assert not is_mounted(point)
    finally:
        child.kill()


def test_a_failed_start_leaves_no_process_and_the_directory_as_it_was(refused, start):
    before = start.point.stat()
    refused(env={"AZURE_CLIENT_SECRET": "wrong"})
    after = start.point.stat()
    assert (before.st_ino, before.st_mode, before.st_dev) == (after.st_ino, after.st_mode, after.st_dev)
    assert stat.S_ISDIR(after.st_mode)
    assert errno_of("list", start.point) == "0"
    assert run("pgrep", "-f", "--", f"{start.point}$").code == 1
