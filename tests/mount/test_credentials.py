"""Where the token comes from, and where it goes."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest

from fakeserver import TENANT, FakeServer, FakeVault, secret_item
from harness import KVFS, environment, errno_of, eventually, is_mounted, ok, passes, run

NOTHING = dict(AZURE_TENANT_ID=None, AZURE_CLIENT_ID=None, AZURE_CLIENT_SECRET=None)


@pytest.fixture
def az(vault, tmp_path):
    """A function that makes an `az` whose answer has these fields changed; the PATH with it, first."""
    def make(code=0, err="", life=3600, seconds=0, **changes):
        answer = {"accessToken": vault.token(), "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(
            time.time() + life)), "expires_on": int(time.time() + life), "subscription": "33333333-0000-0000-0000-0",
            "tenant": vault.tenant, "tokenType": "Bearer"}
        for name, value in changes.items():
            if value is None:
                answer.pop(name)
            else:
                answer[name] = value
        directory = tmp_path / "bin"
        directory.mkdir(exist_ok=True)
        (directory / "answer").write_text(json.dumps(answer, indent=2) + "\n")
        (directory / "az").write_text(f"""#!/bin/sh
echo "$@" >>{directory}/calls
sleep {seconds}
[ {code} = 0 ] || {{ echo "{err}" >&2; exit {code}; }}
exec cat {directory}/answer
""")
        (directory / "az").chmod(0o755)
        return f"{directory}:{os.environ['PATH']}"

    make.calls = lambda: (tmp_path / "bin/calls").read_text().splitlines()
    return make


def works(m, vault):
    name = vault.list("secrets")[0]
    assert ok("cat", m / "secrets" / f"{name}.blob", text=False)
    m.unmount()


@pytest.mark.parametrize("options", [(), ("auth=env",), ("auth=auto",)])
def test_a_client_secret_from_the_environment(vault, mount, options):
    works(mount(vault, *options), vault)
    assert vault.count("token", 200) >= 1


def test_the_same_from_options(vault, mount, tmp_path):
    file = tmp_path / "secret"
    file.write_text(vault.secret + "\n")
    file.chmod(0o600)
    m = mount(vault, f"tenant={vault.tenant}", f"client_id={vault.client_id}", f"client_secret_file={file}",
              f"authority={vault.authority}", env=dict(NOTHING, AZURE_AUTHORITY_HOST=None))
    works(m, vault)


def test_options_win_over_the_environment(vault, mount):
    wrong = "99999999-8888-7777-6666-555555555555"
    works(mount(vault, f"tenant={vault.tenant}", env=dict(AZURE_TENANT_ID=wrong)), vault)


def test_without_a_tenant_it_is_the_vault_s(vault, mount):
    works(mount(vault, "auth=env", env=dict(AZURE_TENANT_ID=None)), vault)


def test_the_identity_of_app_service(vaults, mount):
    vault = vaults("first", seed="secrets=1", options=["--imds", "127.0.0.1:0"])
    m = mount(vault, "auth=managed", env=dict(NOTHING, IDENTITY_ENDPOINT=f"{vault.imds}/msi/token",
                                              IDENTITY_HEADER=vault.secret))
    works(m, vault)


def test_a_wrong_identity_header_is_one_sentence(vaults, mount):
    vault = vaults("first", seed="secrets=1", options=["--imds", "127.0.0.1:0"])
    m = mount(vault, "auth=managed", env=dict(NOTHING, IDENTITY_ENDPOINT=f"{vault.imds}/msi/token",
                                              IDENTITY_HEADER="wrong"), wait=False)
    assert m.process.wait(60) == 1
    assert "wrong" not in m.process.err


@pytest.mark.parametrize("client", [None, "own"])
def test_the_identity_of_a_virtual_machine(vaults, mount, client):
    vault = vaults("first", seed="secrets=1", options=["--imds", "127.0.0.1:0"])
    options = [] if client is None else [f"client_id={vault.client_id}"]
    m = mount(vault, "auth=managed", *options, env=dict(NOTHING, AZURE_POD_IDENTITY_AUTHORITY_HOST=vault.imds))
    works(m, vault)


def test_without_anything_else_auto_takes_the_managed_identity(vaults, mount):
    vault = vaults("first", seed="secrets=1", options=["--imds", "127.0.0.1:0"])
    works(mount(vault, env=dict(NOTHING, AZURE_POD_IDENTITY_AUTHORITY_HOST=vault.imds)), vault)


@pytest.mark.parametrize("options", [("auth=cli",), ()])
def test_the_az_command(vault, mount, az, options):
    path = az()
    m = mount(vault, *options, env=dict(NOTHING, PATH=path))
    works(m, vault)
    assert len(az.calls()) == 1
    assert re.search(r"^account get-access-token\b", az.calls()[0])
    resource = vault.resource()
    assert f"--resource {resource}" in az.calls()[0] or f"--scope {resource}/.default" in az.calls()[0]
    assert "-o json" in az.calls()[0] or "--output json" in az.calls()[0]


def test_az_of_an_old_version_gives_only_the_local_time(vault, mount, az):
    works(mount(vault, "auth=cli", env=dict(NOTHING, PATH=az(expires_on=None))), vault)


def test_az_that_is_not_logged_in_is_said(vault, mount, az):
    m = mount(vault, "auth=cli", env=dict(NOTHING, PATH=az(1, "ERROR: Please run 'az login' to setup account.")),
              wait=False)
    assert m.process.wait(60) == 1
    assert "az login" in m.process.err and len(m.process.err.splitlines()) == 1


def test_a_slow_az_does_not_stop_the_loop(vault, mount, az):
    # A token that is over in a moment: each request wants a new one.
    m = mount(vault, "auth=cli", "list_ttl=3600", env=dict(NOTHING, PATH=az(life=1)))
    m.names("keys")
    name = m.names("secrets")[0]
    az(life=3600, seconds=5)
    over, before = time.monotonic() + 2, len(az.calls())
    eventually(lambda: time.monotonic() > over, "the token is over")
    with subprocess.Popen(["cat", str(m / "secrets" / name)], stdout=subprocess.DEVNULL) as reader:
        eventually(lambda: len(az.calls()) > before, "az is asked again")
        ok("ls", m / "keys")
        assert reader.poll() is None
        assert reader.wait(30) == 0


def test_the_start_waits_for_an_az_that_is_slower_than_a_vault_may_be(vault, mount, az):
    works(mount(vault, "auth=cli", env=dict(NOTHING, PATH=az(seconds=11))), vault)


def test_a_token_service_that_never_answers_ends_the_start_with_its_name(vault, mount):
    vault.fault(operation="token", action="stall")
    m = mount(vault, wait=False)
    assert m.process.wait(45) == 1
    assert "token service" in m.process.err and "30 s" in m.process.err and len(m.process.err.splitlines()) == 1


def test_while_a_token_service_hangs_the_log_says_that_it_is_not_the_vault(vault, mount):
    vault.config(token_life_s=3)
    m = mount(vault, "timeout=5", "list_ttl=600", "prefetch=0")
    name = vault.list("secrets")[0]
    passes(3.5)
    vault.fault(operation="token", action="stall")
    assert errno_of("read", m / "secrets" / f"{name}.blob") == "EIO"
    line = m.line(op="backup")
    assert "no token until the time-out" in line["why"] and "token service" in line["why"], line.text
    vault.clear()
    m.unmount()


def test_az_that_is_cut_off_takes_what_it_has_started_with_it(vault, mount, tmp_path):
    folder = tmp_path / "az-in-parts"
    folder.mkdir()
    (folder / "az").write_text(f"#!/bin/sh\nsleep 1000 &\necho $! >{tmp_path}/pid\nwait\n")
    (folder / "az").chmod(0o755)
    m = mount(vault, "auth=cli", wait=False, env=dict(NOTHING, PATH=f"{folder}:/usr/bin:/bin"))
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "az runs")
    m.process.child.send_signal(signal.SIGTERM)
    assert m.process.wait() == 1
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: run("ps", "-o", "stat=", "-p", pid).out.strip() in ("", "Z"), "the end of what az has started")


def test_with_auto_what_is_in_the_place_of_the_identity_s_endpoint_is_passed_over(vault, mount, az):
    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(502)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{portal.server_address[1]}"
        try:
            works(mount(vault, env=dict(NOTHING, AZURE_POD_IDENTITY_AUTHORITY_HOST=url, PATH=az())), vault)
            failing = dict(NOTHING, AZURE_POD_IDENTITY_AUTHORITY_HOST=url, PATH=az(1, "ERROR: log in"))
            m = mount(vault, wait=False, env=failing)
            assert m.process.wait(30) == 1
            assert "502" in m.process.err and "log in" in m.process.err, m.process.err
        finally:
            portal.shutdown()


def test_a_token_file_that_is_a_link_is_followed_anew_each_time(vaults, mount, tmp_path):
    """As Kubernetes renews it: a new folder, a link that is replaced, and the old folder is gone."""
    vault = vaults("first", seed="secrets=2", options=["--token-life", "6"])

    def renew(generation):
        vault.tokens.clear()
        folder = tmp_path / generation
        folder.mkdir()
        (folder / "token").touch(0o600)
        (folder / "token").write_text(vault.token())
        os.symlink(generation, tmp_path / "next")
        os.rename(tmp_path / "next", tmp_path / "data")

    renew("one")
    os.symlink("data/token", tmp_path / "token")
    m = mount(vault, f"token_file={tmp_path}/token", "auth=token", env=NOTHING)
    names = vault.list("secrets")
    assert ok("cat", m / "secrets" / f"{names[0]}.blob", text=False)
    passes(7)
    renew("two")
    shutil.rmtree(tmp_path / "one")
    assert ok("cat", m / "secrets" / f"{names[1]}.blob", text=False)


def test_az_that_answers_something_else_is_refused(vault, mount, az):
    m = mount(vault, "auth=cli", env=dict(NOTHING, PATH=az(accessToken=None)), wait=False)
    assert m.process.wait(60) == 1
    assert len(m.process.err.splitlines()) == 1


def test_a_token_file(vault, mount, tmp_path):
    file = tmp_path / "token"
    file.write_text(vault.token() + "\n")
    file.chmod(0o600)
    works(mount(vault, f"token_file={file}", "auth=token", env=NOTHING), vault)


def test_a_token_file_that_is_renewed_by_others_is_read_again(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=3", options=["--token-life", "6"])
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(vault.token())
    m = mount(vault, f"token_file={file}", "auth=token", env=NOTHING)

    def renew():
        vault.tokens.clear()
        file.write_text(vault.token())

    names = vault.list("secrets")
    assert ok("cat", m / "secrets" / f"{names[0]}.blob", text=False)
    end = time.monotonic() + 7
    eventually(lambda: time.monotonic() > end, "the token has expired")
    renew()
    assert ok("cat", m / "secrets" / f"{names[1]}.blob", text=False)


def test_a_token_file_that_has_expired_is_eacces(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=3", options=["--token-life", "6"])
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(vault.token())
    m = mount(vault, f"token_file={file}", "auth=token", "timeout=5", env=NOTHING)
    name = vault.list("secrets")[0]
    end = time.monotonic() + 7
    eventually(lambda: time.monotonic() > end, "the token has expired")
    assert errno_of("open", m / "secrets" / f"{name}.blob") == "EACCES"


def test_a_credential_that_is_refused_later_is_left_alone_for_a_while(vaults, mount):
    vault = vaults("first", seed="secrets=5", options=["--token-life", "6"])
    m = mount(vault, "timeout=5")
    names = vault.list("secrets")
    vault.fault(operation="token", status=401, code="AADSTS7000222")
    end = time.monotonic() + 7
    eventually(lambda: time.monotonic() > end, "the token has expired")
    vault.reset()
    for name in names:
        assert errno_of("open", m / "secrets" / f"{name}.blob") == "EACCES"
    assert vault.count("token") == 1


# What a server may and may not make kvfs do.

def test_the_authority_is_never_taken_from_the_challenge(vaults, mount, tmp_path):
    with FakeServer(tmp_path, lambda *a: (400, {}, {"error": "invalid_request"})) as thief:
        vault = vaults("first", seed="secrets=1", options=["--challenge-authority", thief.url])
        both = tmp_path / "both.pem"
        both.write_text(pathlib.Path(vault.ca).read_text() + thief.ca.read_text())
        works(mount(vault, f"cacert={both}"), vault)
        assert thief.requests == []


def test_another_tenant_in_the_challenge_is_refused_unless_allowed(vaults, mount):
    other = "99999999-8888-7777-6666-555555555555"
    vault = vaults("first", seed="secrets=1", options=["--challenge-tenant", other])
    m = mount(vault, wait=False)
    assert m.process.wait(30) == 1
    assert other in m.process.err and vault.tenant in m.process.err
    assert not is_mounted(m.path) and vault.count("token") == 0


@pytest.mark.parametrize("allowed", [TENANT, "*"])
def test_a_tenant_that_is_allowed_is_the_one_that_is_asked(vault, mount, tmp_path, allowed):
    mine = "99999999-8888-7777-6666-555555555555"
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}) as fake:
        env = dict(fake.environment(), AZURE_TENANT_ID=mine)
        m = mount(vault, f"cacert={fake.ca}", f"allow_tenant={allowed}", url=fake.url, env=env)
        assert m.names("secrets") == ["one.blob"]
        assert [path for _, path, _, _ in fake.requests if "/oauth2/" in path] == [f"/{TENANT}/oauth2/v2.0/token"]


@pytest.mark.parametrize("resource", ["https://vault.example.com", "https://azure.net.evil.com", "https://lt.localhost",
                                      "https://evil", "junk"])
def test_a_challenge_for_another_service_gets_no_token(vaults, mount, resource):
    vault = vaults("first", options=["--challenge-resource", resource])
    m = mount(vault, wait=False)
    assert m.process.wait(30) == 1
    assert vault.count("token") == 0


def test_unless_the_check_is_switched_off(vaults, mount):
    vault = vaults("first", options=["--challenge-resource", "https://vault.example.com"])
    m = mount(vault, "no_challenge_verify", wait=False)
    eventually(lambda: is_mounted(m.path) or not m.process.is_running(), "the start")
    # Whether the vault takes such a token is the vault's affair; it was asked for.
    assert vault.count("token") >= 1


@pytest.mark.parametrize("challenge", [
    'resource="https://{bare}", authorization_uri="https://{host}/{tenant}"',
    'authorization="https://{host}/{tenant}", scope="https://{bare}/.default"',
    'realm="", authorization_uri="https://{host}/{tenant}/oauth2/authorize", resource_id="https://{bare}"',
    'authorization="https://{host}/{tenant}" resource="https://{bare}"',
    "authorization=https://{host}/{tenant}, resource=https://{bare}"])
def test_challenges_in_other_shapes_are_understood_or_refused_in_one_sentence(vault, mount, tmp_path, challenge):
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}, challenge=challenge) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment(), wait=False)
        eventually(lambda: is_mounted(m.path) or not m.process.is_running(), "the start", 30)
        if m.process.is_running():
            assert m.names("secrets") == ["one.blob"]
        else:
            assert m.process.child.returncode == 1 and len(m.process.err.splitlines()) == 1


def test_a_redirect_is_not_followed(vault, mount, tmp_path):
    with FakeServer(tmp_path, lambda *a: (200, {}, {"value": [], "nextLink": None})) as other:
        def answer(method, path, headers, body):
            return (302, {"Location": other.url + path}, b"") if path.startswith("/secrets") else None

        directory = tmp_path / "fake"
        directory.mkdir()
        with FakeVault(directory, {}, answer=answer) as fake:
            both = tmp_path / "both.pem"
            both.write_text(fake.ca.read_text() + other.ca.read_text())
            m = mount(vault, f"cacert={both}", "timeout=3", url=fake.url, env=fake.environment(), wait=False)
            assert m.process.wait(30) == 1
            assert other.requests == []


def test_each_request_can_be_found_in_the_vault_s_own_audit(vault, mount, tmp_path):
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment())
        m.names("secrets")
        mine = [headers for _, path, headers, _ in fake.requests if not path.endswith("/token")]
        assert all(re.match(r"kvfs/\d", h.get("User-Agent", "")) for h in mine)
        ids = [h["x-ms-client-request-id"] for h in mine]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", i) for i in ids)
        tokens = [(path, body) for _, path, _, body in fake.requests if path.endswith("/token")]
        assert len(tokens) == 1 and tokens[0][0] == f"/{TENANT}/oauth2/v2.0/token"
        assert b"a-secret" in tokens[0][1] and b"grant_type=client_credentials" in tokens[0][1]
        assert b".default" in tokens[0][1]


def test_the_token_goes_over_tls_to_the_vault_alone(vault, mount, tmp_path):
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment())
        m.names("secrets")
        for _, path, headers, _ in fake.requests:
            assert "a-token" not in path
            assert ("a-token" in headers.get("Authorization", "")) <= (not path.endswith("/token"))


def test_no_secret_or_token_is_in_argv_or_the_environment_of_others(vault, mount, az):
    m = mount(vault, "auth=cli", env=dict(NOTHING, PATH=az()))
    argv = pathlib.Path(f"/proc/{m.process.pid}/cmdline").read_text()
    for text in (argv, *az.calls()):
        assert vault.token() not in text and vault.secret not in text


def test_what_kvfs_makes_in_the_file_system_is_private(vault, mount, tmp_path):
    m = mount(vault, env=dict(XDG_CACHE_HOME=str(tmp_path / "cache"), HOME=str(tmp_path)))
    ok("cat", m / "keys" / m.names("keys")[0], text=False)
    m.unmount()
    for path in (tmp_path / "cache").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        if path.is_file():
            assert b"AzureKeyVault" not in path.read_bytes()


def test_under_sudo_without_a_credential_the_sentence_says_whose_login_there_is(vault, tmp_path):
    point = tmp_path / "mnt"
    point.mkdir()
    empty = tmp_path / "bin"
    empty.mkdir()
    env = environment(vault, **dict(NOTHING, PATH=str(empty), SUDO_USER="alice", SUDO_UID="1000"))
    result = run(KVFS, "-o", f"cacert={vault.ca}", vault.url, point, env=env)
    assert result.code == 1, result
    assert any("az CLI: " in line and "alice" in line for line in result.err.splitlines()), result
