"""Each credential that the SDK has gets a token from the local vault; DefaultAzureCredential asks them in kvfs's order."""
import base64
import datetime
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

import pytest
from conftest import mounted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from driver import SDK, Refused, Sdk, environment
from local_vault import OWN_MOUNTS, LocalVault

ISSUER = "https://oidc.prod-aks.azure.com/6a1f/"
SUBJECT = "system:serviceaccount:backup:kvfs"
KEYS = "/var/opt/azcmagent/tokens"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def vault():
    with LocalVault("--vault", "first") as v:
        yield v
    assert v.status == 0


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "arc"
    folder.mkdir()
    return folder


@pytest.fixture
def machine(keys):
    """A vault, and the endpoints of a machine with an identity. The tests have a network of their own, where the address
    is free."""
    with LocalVault("--vault", "first", "--imds", "169.254.169.254:80", "--arc-tokens", str(keys)) as v:
        yield v
    assert v.status == 0


def resource(vault):
    return f"https://vault.localhost:{vault.ready['port']}"


def application(vault):
    return {"tenant": vault.ready["tenant"], "client_id": vault.ready["client_id"]}


def claims(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def gets_a_token(vault, home, credential, before=(), **variables):
    """The client that the token is for."""
    with Sdk(environment(vault, home, **variables), before) as sdk:
        sdk.open(url=vault.ready["vaults"]["first"], credential_of=credential, only=["secrets"])
        assert sdk.list(kind="secrets")["names"] == []
        got = claims(sdk.token(resource=resource(vault)))
    assert got["aud"].rstrip("/") == resource(vault)
    return got["appid"]


def certificate(directory):
    """NAME.pem and NAME.pfx (password "geheim"; the encryption that every SDK reads), and the certificate alone."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kvfs")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2)).sign(key, hashes.SHA256()))
    pem = made.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    old = (serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
           .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1()).build(b"geheim"))
    (directory / "c.pem").write_bytes(key_pem + pem)
    (directory / "c.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"n", key, made, None, old))
    return pem.decode()


@pytest.fixture
def registered(vault):
    yield lambda **what: vault.local("POST", "registrations", what)
    vault.local("DELETE", "registrations")


@pytest.fixture
def federated(vault, registered, tmp_path):
    """A file with a token of an issuer that the application trusts."""
    registered(issuer=ISSUER, subject=SUBJECT)
    file = tmp_path / "token"
    file.write_text(vault.local("POST", "oidc", {"issuer": ISSUER, "subject": SUBJECT})["token"])
    return file


def test_a_client_secret(vault, home):
    credential = {"kind": "secret", "secret": vault.secret, **application(vault)}
    assert gets_a_token(vault, home, credential) == vault.ready["client_id"]


def test_a_wrong_client_secret_is_refused_with_its_number(vault, home):
    with Sdk(environment(vault, home)) as sdk:
        sdk.open(url=vault.ready["vaults"]["first"], only=["secrets"],
                 credential_of={"kind": "secret", "secret": "wrong", **application(vault)})
        with pytest.raises(Refused, match="AADSTS7000215"):
            sdk.token(resource=resource(vault))


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_client_certificate(vault, home, registered, tmp_path, form, chain):
    if (SDK, form) == ("js", "pfx"):
        pytest.skip("the SDK for JavaScript reads PEM files only")
    registered(certificate=certificate(tmp_path))
    credential = {"kind": "certificate", "path": str(tmp_path / f"c.{form}"), "chain": chain, **application(vault)}
    if form == "pfx":
        credential["password"] = "geheim"
    assert gets_a_token(vault, home, credential) == vault.ready["client_id"]


def test_workload_identity(vault, home, federated):
    credential = {"kind": "workload", "path": str(federated), **application(vault)}
    assert gets_a_token(vault, home, credential) == vault.ready["client_id"]


@pytest.mark.parametrize("is_named", [False, True])
@pytest.mark.parametrize("source", ["imds", "imds-elsewhere", "app-service"])
def test_a_managed_identity(machine, home, source, is_named):
    if (SDK, source) == ("go", "imds-elsewhere"):
        pytest.skip("the SDK for Go has no variable for the address of IMDS")
    imds = machine.ready["imds"]
    variables = {"imds": {}, "imds-elsewhere": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": imds},
                 "app-service": {"IDENTITY_ENDPOINT": f"{imds}/msi/token", "IDENTITY_HEADER": machine.secret}}[source]
    credential = {"kind": "managed", **({"client_id": machine.ready["client_id"]} if is_named else {})}
    assert gets_a_token(machine, home, credential, **variables) == machine.ready["client_id"]


def test_the_agent_of_arc(machine, home, keys):
    script = f'mount -t tmpfs none /var/opt && mkdir -p {KEYS} && mount --bind {keys} {KEYS} && exec "$@"'
    imds = machine.ready["imds"]
    assert gets_a_token(machine, home, {"kind": "managed"}, [OWN_MOUNTS, "sh", "-c", script, "sh"], IMDS_ENDPOINT=imds,
                        IDENTITY_ENDPOINT=f"{imds}/arc/metadata/identity/oauth2/token") == machine.ready["client_id"]


class Sources:
    """An App Service endpoint and an az, which count their calls."""

    def __init__(self, vault, directory):
        self.vault, self.managed, self.directory = vault, 0, directory
        token = {"accessToken": vault.token(resource(vault)), "tokenType": "Bearer", "tenant": vault.ready["tenant"],
                 "subscription": "00000000-0000-0000-0000-000000000000", "expires_on": int(time.time()) + 3600,
                 "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(time.time() + 3600))}
        (directory / "bin").mkdir()
        (directory / "answer").write_text(json.dumps(token))
        (directory / "bin/az").write_text(f"#!/bin/sh\necho run >>{directory}/calls\ncat {directory}/answer\n")
        (directory / "bin/az").chmod(0o755)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(sources):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                sources.managed += 1
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                expires = str(int(time.time()) + 3600)
                body = json.dumps({"access_token": sources.vault.token(query["resource"]), "expires_on": expires,
                                   "resource": query["resource"], "token_type": "Bearer",
                                   "client_id": sources.vault.ready["client_id"]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler

    def asked(self):
        """Which were asked since the last time."""
        calls = self.directory / "calls"
        found = {"managed": self.managed > 0, "cli": calls.exists()}
        self.managed = 0
        calls.unlink(missing_ok=True)
        return [k for k, v in found.items() if v]

    def variables(self, federated):
        """Everything that there is, in the order of the chain."""
        ready = self.vault.ready
        application = {"AZURE_TENANT_ID": ready["tenant"], "AZURE_CLIENT_ID": ready["client_id"]}
        path = {"PATH": f"{self.directory}/bin:{os.environ['PATH']}"}
        managed = {"IDENTITY_HEADER": "x", "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self.server.server_port}/msi/token"}
        workload = {**application, "AZURE_FEDERATED_TOKEN_FILE": str(federated)}
        secret = {**application, "AZURE_CLIENT_SECRET": self.vault.secret}
        return path, managed, workload, secret


@pytest.fixture
def sources(vault, tmp_path):
    s = Sources(vault, tmp_path)
    yield s
    s.server.shutdown()
    s.server.server_close()


def by_the_sdk(vault, env, _=None):
    with Sdk(env) as sdk:
        sdk.open(url=vault.ready["vaults"]["first"], credential_of={"kind": "default"}, only=["secrets"])
        try:
            return claims(sdk.token(resource=resource(vault)))["appid"]
        except Refused as e:
            return str(e)


def by_kvfs(vault, env, point):
    point.mkdir(exist_ok=True)
    done = subprocess.run([os.environ["KVFS"], "-o", f"cacert={vault.ready['ca']}", vault.ready["vaults"]["first"], point],
                          env={**env, "XDG_CACHE_HOME": str(point.with_suffix(".cache"))}, capture_output=True, text=True,
                          timeout=100, check=False)
    if done.returncode != 0:
        return done.stderr
    subprocess.run(["fusermount3", "-u", point], check=True)
    return vault.ready["client_id"]


def test_the_default_chain_asks_the_same_credential_first_as_kvfs(vault, home, sources, federated, tmp_path):
    path, managed, workload, secret = sources.variables(federated)
    mine = vault.ready["client_id"]
    for variables, asked, answer in (
            # A wrong secret stops the chain: nothing else would name its number.
            ({**path, **managed, **workload, **secret, "AZURE_CLIENT_SECRET": "wrong"}, [], "AADSTS7000215"),
            ({**path, **managed, **workload, **secret}, [], mine),
            ({**path, **managed, **workload}, [], mine),
            ({**path, **managed, "AZURE_CLIENT_ID": mine}, ["managed"], mine),
            (path, ["cli"], mine)):
        env = environment(vault, home, **variables)
        for client in (by_the_sdk, by_kvfs):
            got = client(vault, env, tmp_path / "m")
            assert (answer in got, sources.asked()) == (True, asked), (client, sorted(variables), got)


def test_workload_identity_comes_before_a_managed_identity_and_does_not_give_way_to_it(
        vault, home, sources, federated, tmp_path):
    path, managed, workload, _ = sources.variables(federated)
    federated.write_text("not.a.token")
    env = environment(vault, home, **path, **managed, **workload)
    # The SDK for JavaScript goes on, to az.
    for client in (by_kvfs,) if SDK == "js" else (by_the_sdk, by_kvfs):
        got = client(vault, env, tmp_path / "m")
        assert ("AADSTS" in got, sources.asked()) == (True, []), (client, got)


def test_azure_token_credentials_narrows_the_chain(vault, home, sources, tmp_path):
    path, managed, _, secret = sources.variables(None)
    # The SDK for JavaScript takes a federated token for a managed identity, so there is none.
    env = environment(vault, home, **{**path, **managed, **secret})
    for choice, asked in (("prod", []), ("dev", ["cli"]), ("AzureCliCredential", ["cli"]),
                          ("ManagedIdentityCredential", ["managed"])):
        for client in (by_the_sdk, by_kvfs):
            got = client(vault, {**env, "AZURE_TOKEN_CREDENTIALS": choice}, tmp_path / "m")
            assert (got, sources.asked()) == (vault.ready["client_id"], asked), (client, choice)


def test_kvfs_takes_the_certificate_that_the_sdk_takes(vault, home, registered, tmp_path):
    registered(certificate=certificate(tmp_path))
    for form in ("pem", "pfx") if SDK != "js" else ("pem",):
        variables = {"AZURE_TENANT_ID": vault.ready["tenant"], "AZURE_CLIENT_ID": vault.ready["client_id"],
                     "AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / f"c.{form}"),
                     "AZURE_CLIENT_CERTIFICATE_PASSWORD": "geheim" if form == "pfx" else ""}
        env = environment(vault, home, **variables)
        assert by_the_sdk(vault, env) == vault.ready["client_id"], form
        with mounted(vault.ready["vaults"]["first"], tmp_path / "m", vault.ready["ca"], env=env):
            assert os.listdir(tmp_path / "m/secrets") == []
