"""Managed identities and the developers' tools, each through a real mount."""
import base64
import http.server
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request

import pytest

from harness import (KVFS, LOCALVAULT, PRIVATE_MOUNTS, closed_port, environment, errno_of, eventually, is_mounted, needs_private_mounts, ok,
                     run)

NOTHING = dict(AZURE_TENANT_ID=None, AZURE_CLIENT_ID=None, AZURE_CLIENT_SECRET=None)
KEYS = "/var/opt/azcmagent/tokens"
NOBODY = "99999999-8888-7777-6666-555555555555"


@pytest.fixture
def identities(vaults):
    """A vault whose machine has managed identities: its own, which is the default principal."""
    return vaults("first", seed="secrets=1", options=["--imds", "127.0.0.1:0"])


def works(m, vault):
    name = vault.list("secrets")[0]
    assert ok("cat", m / "secrets" / f"{name}.blob", text=False)
    m.unmount()


def source_of(vault, source):
    """The variables that a machine of this kind has."""
    return {
        "imds": dict(AZURE_POD_IDENTITY_AUTHORITY_HOST=vault.imds),
        "app-service": dict(IDENTITY_ENDPOINT=f"{vault.imds}/msi/token", IDENTITY_HEADER=vault.secret),
        "machine-learning": dict(MSI_ENDPOINT=f"{vault.imds}/ml/token", MSI_SECRET=vault.secret),
    }[source]


@pytest.mark.parametrize("options", [(), ("auth=managed",)])
@pytest.mark.parametrize("source", ["imds", "app-service", "machine-learning"])
def test_each_source_of_a_managed_identity_gives_a_token(identities, mount, source, options):
    works(mount(identities, *options, env=dict(NOTHING, **source_of(identities, source))), identities)


@pytest.mark.parametrize("source,by", [
    ("imds", "client_id"), ("imds", "object_id"), ("imds", "resource_id"), ("app-service", "client_id"),
    ("app-service", "object_id"), ("app-service", "resource_id"), ("machine-learning", "client_id")])
def test_a_user_assigned_identity_is_the_one_that_was_named(identities, mount, source, by):
    env = dict(NOTHING, **source_of(identities, source))
    prefix = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
    prefix = prefix if by == "resource_id" else ""
    works(mount(identities, "auth=managed", f"{by}={prefix}{identities.client_id}", env=env), identities)
    m = mount(identities, "auth=managed", f"{by}={prefix}{NOBODY}", env=env, wait=False)
    assert m.process.wait(60) == 1
    assert "Identity not found" in m.process.err and len(m.process.err.splitlines()) == 1, m.process.err


def test_machine_learning_knows_an_identity_only_by_its_client_id(identities, mount):
    m = mount(identities, f"object_id={identities.client_id}", env=dict(NOTHING, **source_of(identities, "machine-learning")),
              wait=False)
    assert m.process.wait(60) == 1
    assert "does not support a user-assigned identity by object_id=" in m.process.err, m.process.err


def test_an_identity_that_imds_does_not_have_is_no_reason_to_ask_another_credential(identities, mount, tmp_path):
    az = tmp_path / "bin"
    az.mkdir()
    (az / "az").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 1\n")
    (az / "az").chmod(0o755)
    env = dict(NOTHING, PATH=f"{az}:{os.environ['PATH']}", **source_of(identities, "imds"))
    m = mount(identities, f"client_id={NOBODY}", env=env, wait=False)
    assert m.process.wait(60) == 1
    assert "Identity not found" in m.process.err and "client_id=" in m.process.err, m.process.err
    assert not (tmp_path / "asked").exists()


# ---- Azure Arc. The agent's folder is the same everywhere, so these run with mounts of their own.

ARC = """set -e
mount -t tmpfs none /var/opt
mkdir -p {keys} {tmp}/state {tmp}/point
{localvault} --listen 127.0.0.1:0 --imds 127.0.0.1:0 --state {tmp}/state --vault first --seed secrets=1,kty=EC \\
    --arc-tokens {keys} >{tmp}/ready 2>{tmp}/vault.err &
vault=$!
trap 'kill $vault; wait $vault || true' EXIT
for i in $(seq 100); do [ -s {tmp}/ready ] && break; sleep 0.1; done
field() {{ sed -n 's/.*"'$1'":"\\([^"]*\\)".*/\\1/p' {tmp}/ready; }}
export IDENTITY_ENDPOINT=$(field imds)/arc/metadata/identity/oauth2/token IMDS_ENDPOINT=$(field imds)
export KVFS_VAULT=$(field first) AZURE_AUTHORITY_HOST=$(field authority)
client=$(field client_id)
{prepare}
status=0
{kvfs} -o cacert={tmp}/state/ca.pem{options} {tmp}/point || status=$?
echo "status $status"
[ $status != 0 ] || {{ cat {tmp}/point/secrets/*.blob | wc -c; fusermount3 -u {tmp}/point; }}
"""


def arc(tmp_path, options="", prepare=":"):
    needs_private_mounts()
    script = ARC.format(keys=KEYS, tmp=tmp_path, localvault=LOCALVAULT, kvfs=KVFS, options=options, prepare=prepare)
    result = run(*PRIVATE_MOUNTS, "bash", "-c", script, env=environment(), seconds=90)
    assert result.code == 0, result
    assert not is_mounted(tmp_path / "point")
    eventually(lambda: not run("pgrep", "-f", f"kvfs .*{tmp_path}/point").out, "the end of kvfs")
    return result


@pytest.mark.parametrize("options", ["", ",auth=managed", ",auth=managed,client_id=$client", ",resource_id=/x/$client"])
def test_the_agent_of_azure_arc_gives_a_token_for_the_key_in_its_file(tmp_path, options):
    result = arc(tmp_path, options)
    assert re.fullmatch(r"status 0\n[1-9]\d+\n", result.out), result


def test_a_key_file_that_is_not_there_is_named(tmp_path):
    result = arc(tmp_path, prepare=f"rmdir {KEYS}")
    assert result.out == "status 1\n", result
    assert KEYS in result.err and "key file" in result.err, result


def test_an_identity_that_the_agent_does_not_repeat_is_refused(tmp_path):
    result = arc(tmp_path, f",client_id={NOBODY}")
    assert result.out == "status 1\n" and "Identity not found" in result.err, result


# ---- the developers' tools. They cannot be had on every machine: scripts that answer in the documented forms.

@pytest.fixture
def tool(vault, tmp_path):
    """A function that makes a program whose output is out, with TOKEN replaced, and that ends with code."""
    folder = tmp_path / "tools"
    folder.mkdir()

    def make(name, out="", err="", code=0, evaluated=False):
        claims = "&claims=%7B%22access_token%22%3A%7B%22xms_cc%22%3A%7B%22values%22%3A%5B%22CP1%22%5D%7D%7D%7D"
        token = vault.token(claims=claims if evaluated else "")
        (folder / f"{name}.out").write_text(out.replace("TOKEN", token) + "\n")
        (folder / name).write_text(f"""#!/bin/sh
echo "{name} HOME=$HOME PWD=$(pwd)" "$@" >>{folder}/calls
echo '{err}' >&2
cat {folder}/{name}.out
exit {code}
""")
        (folder / name).chmod(0o755)
        return dict(NOTHING, PATH=f"{folder}:/usr/bin:/bin")

    make.calls = lambda: (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    return make


PWSH = "a line of a profile\nazsdk%TOKEN%4070908800"
AZD = '{"token": "TOKEN", "expiresOn": "2099-01-01T00:00:00Z"}'
AZ = '{"accessToken": "TOKEN", "expires_on": 4070908800, "expiresOn": "2099-01-01 00:00:00.000000"}'


@pytest.mark.parametrize("name,auth,out", [("az", "cli", AZ), ("pwsh", "powershell", PWSH), ("azd", "azd", AZD)])
@pytest.mark.parametrize("is_named", [True, False])
def test_each_tool_gives_the_token_of_its_account(vault, mount, tool, name, auth, out, is_named):
    env = tool(name, out)
    works(mount(vault, *([f"auth={auth}"] if is_named else []), env=env), vault)
    assert len(tool.calls()) == 1 and f"HOME={os.environ['HOME']} PWD=/ " in tool.calls()[0], tool.calls()


def test_auto_asks_the_tools_in_the_order_of_the_sdks(vault, mount, tool):
    for name in ("azd", "az"):
        tool(name, err="ERROR: not signed in", code=1)
    env = tool("pwsh", err="Run Connect-AzAccount to login.", code=1)
    m = mount(vault, env=env, wait=False)
    assert m.process.wait(60) == 1
    assert [x.split()[0] for x in tool.calls()] == ["az", "pwsh", "azd"]
    lines = [x.strip().partition(":")[0] for x in m.process.err.splitlines()[1:-1]]
    assert lines[-3:] == ["az CLI", "Azure PowerShell", "Azure Developer CLI"], m.process.err
    assert m.process.err.count("not signed in") == 2 and "Connect-AzAccount" in m.process.err


@pytest.mark.parametrize("value,asked", [("AzureDeveloperCliCredential", ["azd"]), ("dev", ["az", "pwsh", "azd"]),
                                         (" azurepowershellcredential ", ["pwsh"]), ("prod", [])])
def test_azure_token_credentials_says_what_auto_asks(vault, mount, tool, value, asked):
    for name in ("azd", "az", "pwsh"):
        env = tool(name, code=1)
    m = mount(vault, env=dict(env, AZURE_TOKEN_CREDENTIALS=value), wait=False)
    assert m.process.wait(60) == 1
    assert [x.split()[0] for x in tool.calls()] == asked, m.process.err


def test_a_value_of_azure_token_credentials_that_nobody_knows_is_refused_with_those_that_are_right(vault, mount):
    m = mount(vault, env=dict(AZURE_TOKEN_CREDENTIALS="production"), wait=False)
    assert m.process.wait(30) == 1
    assert "AZURE_TOKEN_CREDENTIALS=production must be one of prod, dev, EnvironmentCredential, " in m.process.err, m.process.err


def test_a_list_is_asked_in_its_order(vault, mount, tool):
    tool("az", err="ERROR: not signed in", code=1)
    env = tool("azd", AZD)
    works(mount(vault, "auth=cli:azd:env", env=env), vault)
    assert [x.split()[0] for x in tool.calls()] == ["az", "azd"]


def test_what_a_tool_prints_when_it_fails_loses_its_token(vault, mount, tool):
    token = vault.token()
    m = mount(vault, "auth=cli", env=tool("az", err=f"ERROR: cannot cache {token} here", code=1), wait=False)
    assert m.process.wait(30) == 1
    assert "cannot cache (token) here" in m.process.err and token[:20] not in m.process.err, m.process.err


def test_without_path_and_home_a_tool_is_found_and_has_a_home(vault, tmp_path):
    """As for a mount from fstab: /usr/local/bin is in the PATH that kvfs takes then."""
    needs_private_mounts()
    (tmp_path / "point").mkdir()
    (tmp_path / "answer").write_text(AZ.replace("TOKEN", vault.token()))
    (tmp_path / "az").write_text(f'#!/bin/sh\necho "$HOME" >{tmp_path}/home\nexec /bin/cat {tmp_path}/answer\n')
    (tmp_path / "az").chmod(0o755)
    env = environment(vault, **dict(NOTHING, PATH=None, HOME=None))
    script = (f"/bin/mount -t tmpfs none /usr/local/bin && /bin/cp {tmp_path}/az /usr/local/bin/az && "
              f"{KVFS} -o auth=cli,cache=none,cacert={vault.ca} {vault.url} {tmp_path}/point && "
              f"/bin/ls {tmp_path}/point && /usr/bin/fusermount3 -u {tmp_path}/point")
    result = run(*PRIVATE_MOUNTS, "/bin/bash", "--norc", "-c", f"unset PATH HOME; {script}", env=env)
    assert result.code == 0 and "secrets" in result.out, result
    assert (tmp_path / "home").read_text().strip() == os.path.expanduser("~root")
    eventually(lambda: not run("pgrep", "-f", f"kvfs .*{tmp_path}/point").out, "the end of kvfs")


# ---- continuous access evaluation

def test_a_new_sign_in_that_the_vault_requires_is_requested_once(vault, mount):
    m = mount(vault)
    first, second = vault.list("secrets")[:2]
    vault.config(wall_revoked=int(time.time()))
    vault.reset()
    assert ok("cat", m / "secrets" / f"{first}.blob", text=False)
    assert ok("cat", m / "secrets" / f"{second}.blob", text=False)
    assert vault.count("token") == 1 and vault.count("backup", 200) >= 2
    m.unmount()


def test_an_identity_that_cannot_request_it_says_so(identities, mount):
    m = mount(identities, "auth=managed", env=dict(NOTHING, **source_of(identities, "imds")))
    identities.config(wall_revoked=int(time.time()))
    assert errno_of("read", m / "secrets" / f"{identities.list('secrets')[0]}.blob") == "EACCES"
    why = m.line(op="backup")["why"]
    assert "requires a new sign-in" in why and "managed identity" in why, why
    m.unmount()


def test_for_az_the_log_has_the_command_to_run(vault, mount, tool):
    m = mount(vault, "auth=cli", env=tool("az", AZ, evaluated=True))
    revoked = int(time.time())
    vault.config(wall_revoked=revoked)
    name = vault.list("secrets")[0]
    assert errno_of("read", m / "secrets" / f"{name}.blob") == "EACCES"
    why = m.line(op="backup")["why"].replace('\\"', '"')
    match = re.search(f'run az login --claims-challenge "([^"]+)" --tenant {vault.tenant} --scope {vault.resource()}/.default', why)
    assert match, why
    claims = json.loads(base64.b64decode(match.group(1)))
    assert claims == {"access_token": {"nbf": {"essential": True, "value": str(revoked)}}}
    vault.config(wall_revoked=0)  # as if the user had run it
    eventually(lambda: run("cat", m / "secrets" / f"{name}.blob", text=False).code == 0, "a read with the new sign-in", 60)
    m.unmount()


# ---- at boot

class Late(http.server.BaseHTTPRequestHandler):
    """Passes a request on to the machine's identity endpoint."""

    target = None

    def do_GET(self):
        headers = {k: v for k, v in self.headers.items() if k.lower() == "metadata"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.target + self.path, headers=headers)) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, body = e.code, e.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("options", [(), ("auth=managed",)])
def test_with_retry_the_start_waits_for_an_identity_that_comes_later(identities, mount, options):
    port = closed_port()
    env = dict(NOTHING, PATH="/nonexistent", AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{port}")
    m = mount(identities, "retry=60", *options, env=env, wait=False)
    m.line(event="waiting")
    handler = type("Handler", (Late,), {"target": identities.imds})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            m.wait_until_mounted(30)
            works(m, identities)
        finally:
            server.shutdown()
            thread.join()


def test_without_retry_an_identity_that_is_not_there_ends_the_start(identities, mount):
    env = dict(NOTHING, AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{closed_port()}")
    m = mount(identities, "auth=managed", env=env, wait=False)
    assert m.process.wait(30) == 1
    assert "Instance Metadata Service" in m.process.err and "refuses connections" in m.process.err, m.process.err
