"""Clients that prove who they are by an assertion: certificates, workload identity, GitHub Actions, Azure Pipelines."""
import base64
import datetime
import json
import os
import pathlib
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from fakeserver import TENANT, FakeServer, FakeVault, secret_item
from harness import KVFS, environment, listed_again, needs, ok

NO_SECRET = dict(AZURE_CLIENT_SECRET=None)
PASSWORD = "geheim"
KUBERNETES = "https://oidc.prod-aks.azure.com/6a1f/"
ACCOUNT = "system:serviceaccount:backup:kvfs"
GITHUB, BRANCH = "https://token.actions.githubusercontent.com", "repo:contoso/backup:environment:production"
DEVOPS = "https://vstoken.dev.azure.com/5d2b6a0c-1f6e-4c0a-9b6b-2f3c9c4a7e10"
CONNECTION = "0a1b2c3d-0000-4000-8000-123456789abc"


def works(m, vault):
    name = vault.list("secrets")[0]
    assert ok("cat", m / "secrets" / f"{name}.blob", text=False)
    m.unmount()


def sentence(m):
    """The one line with which a start fails."""
    assert m.process.wait(60) == 1
    lines = m.process.err.splitlines()
    assert len(lines) == 1, m.process.err
    return lines[0]


# ---- certificates

def make_certificate(key, name, days=30):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(end - datetime.timedelta(days=400))
            .not_valid_after(end).sign(key, hashes.SHA256()))


def pem_of(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def pem_of_key(key, password=None, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form,
                             serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption())


class Pair:
    """A key and its certificate, in files of its own."""

    def __init__(self, directory, name="mine", days=30, key=None):
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.key = key or rsa.generate_private_key(65537, 2048)
        self.certificate = make_certificate(self.key, name, days)
        self.pem = pem_of(self.certificate).decode()
        self.key_file = self.write("key.pem", pem_of_key(self.key))
        self.certificate_file = self.write("certificate.pem", self.pem)

    def write(self, name, content):
        file = self.directory / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o600)
        return file

    def both(self):
        return self.write("both.pem", pem_of_key(self.key) + self.pem.encode())

    def register(self, vault):
        vault.local("POST", "/_local/registrations", {"certificate": self.pem})
        return self


def pem_plain(pair):
    return pair.both(), None


def pem_encrypted(pair):
    return pair.write("f.pem", pem_of_key(pair.key, PASSWORD.encode()) + pair.pem.encode()), PASSWORD


def pem_traditional(pair):
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return pair.write("f.pem", pair.pem.encode() + pem_of_key(pair.key, None, form)), "not needed"


def pem_proc_type(pair):
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return pair.write("f.pem", pair.pem.encode() + pem_of_key(pair.key, PASSWORD.encode(), form)), PASSWORD


def pem_of_certtool(pair):
    needs("certtool")
    ok("certtool", "--to-p8", "--load-privkey", pair.key_file, "--password", PASSWORD, "--outfile", pair.directory / "k")
    return pair.write("f.pem", (pair.directory / "k").read_text() + pair.pem), PASSWORD


def pfx_of_openssl(pair, *more, password=PASSWORD):
    file = pair.directory / "f.pfx"
    ok("openssl", "pkcs12", "-export", *more, "-inkey", pair.key_file, "-in", pair.certificate_file, "-passout",
       f"pass:{password}", "-out", file)
    return file, password or None


def pfx_rc2_40(pair):
    return pfx_of_openssl(pair, "-legacy")


def pfx_without_password(pair):
    return pfx_of_openssl(pair, password="")


def pfx_of_python(pair):
    content = pkcs12.serialize_key_and_certificates(b"mine", pair.key, pair.certificate, None,
                                                    serialization.BestAvailableEncryption("gehéim".encode()))
    return pair.write("f.pfx", content), "gehéim"


def certtool_pfx(pair, *more):
    needs("certtool")
    file = pair.directory / "f.pfx"
    ok("certtool", "--to-p12", "--load-privkey", pair.key_file, "--load-certificate", pair.certificate_file,
       "--p12-name", "mine", "--outder", *more, "--outfile", file)
    return file


def pfx_of_certtool(pair):
    return certtool_pfx(pair, "--password", PASSWORD), PASSWORD


def pfx_of_certtool_rc2_40(pair):
    return certtool_pfx(pair, "--password", PASSWORD, "--pkcs-cipher", "rc2-40"), PASSWORD


def pfx_of_certtool_null_password(pair):
    return certtool_pfx(pair, "--null-password"), None


def pfx_of_certtool_empty_password(pair):
    return certtool_pfx(pair, "--empty-password"), None


def pfx_of_nss(pair):
    needs("pk12util")
    made, _ = pfx_of_openssl(pair, "-name", "mine")
    store, file = pair.directory / "nss", pair.directory / "nss.pfx"
    store.mkdir()
    ok("certutil", "-N", "-d", store, "--empty-password")
    ok("pk12util", "-i", made, "-d", store, "-W", PASSWORD)
    ok("pk12util", "-o", file, "-n", "mine", "-d", store, "-W", PASSWORD)
    return file, PASSWORD


def pfx_of_java(pair):
    needs("keytool")
    made, _ = pfx_of_openssl(pair, "-name", "mine")
    file = pair.directory / "java.pfx"
    ok("keytool", "-importkeystore", "-srckeystore", made, "-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD,
       "-destkeystore", file, "-deststoretype", "PKCS12", "-deststorepass", PASSWORD)
    return file, PASSWORD


@pytest.mark.parametrize("make", [
    pem_plain, pem_encrypted, pem_traditional, pem_proc_type, pem_of_certtool, pfx_of_openssl, pfx_rc2_40,
    pfx_without_password, pfx_of_python, pfx_of_certtool, pfx_of_certtool_rc2_40, pfx_of_certtool_null_password,
    pfx_of_certtool_empty_password, pfx_of_nss, pfx_of_java], ids=lambda make: make.__name__)
def test_a_certificate_in_any_form_mounts(vault, mount, tmp_path, make):
    file, password = make(Pair(tmp_path / "pair").register(vault))
    env = dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file, AZURE_CLIENT_CERTIFICATE_PASSWORD=password)
    vault.config(single_assertions=True)
    works(mount(vault, env=env), vault)


def test_a_certificate_by_options_wins_over_a_secret_in_the_environment(vault, mount, tmp_path):
    file, _ = pem_encrypted(pair := Pair(tmp_path / "pair").register(vault))
    password = pair.write("password", PASSWORD + "\n")
    m = mount(vault, f"client_certificate={file}", f"client_certificate_password_file={password}",
              env=dict(AZURE_CLIENT_SECRET="wrong"))
    works(m, vault)


def test_a_secret_wins_over_a_certificate_in_the_environment(vault, mount):
    works(mount(vault, env=dict(AZURE_CLIENT_CERTIFICATE_PATH="/nonexistent")), vault)


@pytest.mark.parametrize("chain", [None, "0", "1", "true"])
def test_another_library_verifies_what_kvfs_signs(vault, mount, tmp_path, chain):
    signature, digest, keys = [pytest.importorskip(f"Cryptodome.{name}") for name in (
        "Signature.pss", "Hash.SHA256", "PublicKey.RSA")]
    pair, issuer = Pair(tmp_path / "pair"), Pair(tmp_path / "issuer")
    file = pair.write("all.pem", issuer.pem.encode() + pair.both().read_bytes())
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}) as fake:
        env = dict(fake.environment(), AZURE_CLIENT_SECRET=None, AZURE_CLIENT_CERTIFICATE_PATH=file,
                   AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=chain)
        assert mount(vault, f"cacert={fake.ca}", url=fake.url, env=env).names("secrets") == ["one.blob"]
        form = dict(urllib.parse.parse_qsl(next(body for _, path, _, body in fake.requests if "/oauth2/" in path).decode()))
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in form and form["grant_type"] == "client_credentials"
    text, _, signed = form["client_assertion"].rpartition(".")
    header, claims = [json.loads(decode(part)) for part in text.split(".")]
    der = pair.certificate.public_bytes(serialization.Encoding.DER)
    signature.new(keys.import_key(der), salt_bytes=32).verify(digest.new(text.encode()), decode(signed))
    assert header["alg"] == "PS256" and decode(header["x5t#S256"]) == digest.new(der).digest()
    if chain in ("1", "true"):
        issuers = issuer.certificate.public_bytes(serialization.Encoding.DER)
        assert [base64.b64decode(c, validate=True) for c in header["x5c"]] == [der, issuers]
    else:
        assert "x5c" not in header
    assert claims["aud"] == f"{fake.url}/{TENANT}/oauth2/v2.0/token" and claims["iss"] == claims["sub"] == "me"
    assert claims["exp"] - claims["nbf"] == 600


def decode(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_renewed_certificate_works_without_a_restart(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=2", options=["--token-life", "2"])
    link = tmp_path / "current.pem"
    link.symlink_to(Pair(tmp_path / "old").register(vault).both())
    m = mount(vault, "list_ttl=1", env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=link))
    assert m.names("secrets")
    vault.local("DELETE", "/_local/registrations")
    (tmp_path / "new").symlink_to(Pair(tmp_path / "renewed").register(vault).both())
    os.replace(tmp_path / "new", link)
    before = vault.count("token", 200)
    listed_again(lambda: m.names("secrets") and vault.count("token", 200) > before, "a token by the new certificate")
    works(m, vault)


def test_an_attempt_that_is_repeated_has_an_assertion_of_its_own(vault, mount, tmp_path):
    file = Pair(tmp_path / "pair").register(vault).both()
    vault.config(single_assertions=True)
    vault.fault(operation="token", status=503, code="AADSTS90033", count=2)
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file))
    assert vault.count("token") == 3
    works(m, vault)


def certificate_of(vault, tmp_path):
    return "auth=env", dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=Pair(tmp_path / "pair").register(vault).both())


def workload_of(vault, tmp_path):
    trust(vault)
    (tmp_path / "token").write_text(issue(vault))
    return "auth=workload", dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=tmp_path / "token")


def github_of(vault, tmp_path):
    trust(vault, GITHUB, BRANCH)
    return "auth=github", of_github(vault)


def pipelines_of(vault, tmp_path):
    trust(vault, DEVOPS, f"sc://contoso/backup/{CONNECTION}")
    return f"auth=pipelines,service_connection={CONNECTION}", of_pipelines(vault)


@pytest.mark.parametrize("make", [certificate_of, workload_of, github_of, pipelines_of], ids=lambda make: make.__name__)
def test_a_new_sign_in_that_the_vault_requires_is_answered(vault, mount, tmp_path, make):
    options, env = make(vault, tmp_path)
    m = mount(vault, options, env=env)
    name = vault.list("secrets")[0]
    vault.config(wall_revoked=int(time.time()), single_assertions=True)
    vault.reset()
    assert ok("cat", m / "secrets" / f"{name}.blob", text=False)
    m.unmount()
    assert vault.count("token", 200) == 1


@pytest.mark.parametrize("make", [certificate_of, workload_of], ids=lambda make: make.__name__)
def test_a_path_in_a_variable_may_be_relative_in_the_background_too(vaults, tmp_path, make):
    vault = vaults("first", seed="secrets=1", options=["--token-life", "2"])
    options, env = make(vault, tmp_path)
    env = {k: os.path.relpath(v, tmp_path) if k.endswith(("PATH", "FILE")) else v for k, v in env.items()}
    point = tmp_path / "point"
    point.mkdir()
    ok(KVFS, "-o", f"cacert={vault.ca},{options},list_ttl=1", vault.url, point, cwd=tmp_path,
       env=environment(vault, XDG_CACHE_HOME=tmp_path / "cache", **env))
    try:
        before = vault.count("token", 200)
        listed_again(lambda: ok("ls", point / "secrets") and vault.count("token", 200) > before, "another token")
    finally:
        ok("fusermount3", "-u", point)


def broken(pair):
    other = Pair(pair.directory / "other")
    ec_pair = Pair(pair.directory / "ec", key=ec.generate_private_key(ec.SECP256R1()))
    key, own = pem_of_key(pair.key).decode(), pair.pem
    return {
        "several keys": (key + pem_of_key(other.key).decode() + own, None, "contains several private keys"),
        "no key": (own, None, "contains no private key"),
        "no certificate": (key, None, "contains no certificate"),
        "another key": (key + other.pem, None, "belongs to none of its certificates"),
        "EC": (pem_of_key(ec_pair.key).decode() + ec_pair.pem, None, "key of type EC; the token service accepts only RSA"),
        "junk": ("hello\n", None, "is neither PEM nor PKCS#12"),
        "empty": ("", None, "is empty"),
        "wrong password": (pem_encrypted(pair)[0].read_bytes(), "wrong", "the password is wrong"),
        "no password": (pem_encrypted(pair)[0].read_bytes(), None, "needs a password, and none is given"),
        "no MAC": (pfx_of_openssl(pair, "-nomac")[0].read_bytes(), PASSWORD, "has no MAC"),
        "wrong password of PKCS#12": (pfx_rc2_40(pair)[0].read_bytes(), "wrong", "the password is wrong"),
        "no password of PKCS#12": (pfx_rc2_40(pair)[0].read_bytes(), None, "needs a password, and none is given"),
    }


@pytest.mark.parametrize("case", ["several keys", "no key", "no certificate", "another key", "EC", "junk", "empty",
                                  "wrong password", "no password", "no MAC", "wrong password of PKCS#12",
                                  "no password of PKCS#12"])
def test_each_fault_of_a_certificate_file_is_one_sentence(vault, mount, tmp_path, case):
    pair = Pair(tmp_path / "pair").register(vault)
    content, password, expected = broken(pair)[case]
    file = pair.write("broken", content)
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file,
                              AZURE_CLIENT_CERTIFICATE_PASSWORD=password), wait=False)
    said = sentence(m)
    assert f"AZURE_CLIENT_CERTIFICATE_PATH={file} " in said and expected in said
    assert vault.count("token") == 0


def test_without_the_legacy_provider_the_sentence_has_the_command(vault, mount, tmp_path):
    file, password = pfx_rc2_40(Pair(tmp_path / "pair").register(vault))
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file, OPENSSL_MODULES="/nonexistent",
                              AZURE_CLIENT_CERTIFICATE_PASSWORD=password), wait=False)
    assert "openssl pkcs12 -legacy -in FILE -nodes -out FILE.pem" in sentence(m)


def test_a_missing_certificate_is_a_failure_not_a_reason_to_go_on(vault, mount, tmp_path):
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=tmp_path / "none"), wait=False)
    assert f"AZURE_CLIENT_CERTIFICATE_PATH={tmp_path}/none: No such file or directory" in sentence(m)


def test_an_incomplete_set_of_variables_is_no_credential(vault, mount, tmp_path):
    m = mount(vault, "auth=env:token", env=dict(NO_SECRET, AZURE_TENANT_ID=None, AZURE_CLIENT_CERTIFICATE_PATH="/x"),
              wait=False)
    assert m.process.wait(60) == 1
    assert "AZURE_TENANT_ID is not set" in m.process.err


def test_a_certificate_that_is_not_registered_is_one_sentence(vault, mount, tmp_path):
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=Pair(tmp_path / "pair").both()), wait=False)
    assert "AADSTS700027" in sentence(m)


def test_an_expired_certificate_names_the_date(vault, mount, tmp_path):
    pair = Pair(tmp_path / "pair", days=-3).register(vault)
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=pair.both()), wait=False)
    said = sentence(m)
    assert "AADSTS700027" in said
    assert f"the certificate expired on {pair.certificate.not_valid_after:%Y-%m-%d}" in said


@pytest.mark.parametrize("mode, is_warned", [(0o600, False), (0o640, False), (0o644, True)])
def test_a_key_that_others_can_read_is_warned_of(vault, mount, tmp_path, mode, is_warned):
    file = Pair(tmp_path / "pair").register(vault).both()
    file.chmod(mode)
    m = mount(vault, env=dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file))
    warnings = m.lines(file=file)
    works(m, vault)
    assert len(warnings) == is_warned
    assert all("0600" in line["why"] for line in warnings)


def test_a_certificate_by_option_must_be_private(vault, mount, tmp_path):
    file = Pair(tmp_path / "pair").register(vault).both()
    file.chmod(0o644)
    m = mount(vault, f"client_certificate={file}", env=NO_SECRET, wait=False)
    said = sentence(m)
    assert f"client_certificate={file} can be read by others: give it mode 0600" in said


def test_the_secrets_are_wiped_from_the_environment(vault, mount, tmp_path):
    file, _ = pem_encrypted(Pair(tmp_path / "pair").register(vault))
    env = dict(NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH=file, AZURE_CLIENT_CERTIFICATE_PASSWORD=PASSWORD,
               SYSTEM_ACCESSTOKEN="one.two.three", ACTIONS_ID_TOKEN_REQUEST_TOKEN="four.five.six")
    m = mount(vault, env=env)
    environ = pathlib.Path(f"/proc/{m.process.pid}/environ").read_bytes()
    assert PASSWORD.encode() not in environ and b"one.two" not in environ and b"four.five" not in environ
    works(m, vault)
    assert PASSWORD not in m.process.err


# ---- tokens of other issuers

def issue(vault, issuer=KUBERNETES, subject=ACCOUNT, **more):
    return vault.local("POST", "/_local/oidc", {"issuer": issuer, "subject": subject, **more})["token"]


def trust(vault, issuer=KUBERNETES, subject=ACCOUNT):
    vault.local("POST", "/_local/registrations", {"issuer": issuer, "subject": subject})


@pytest.mark.parametrize("options", [(), ("auth=workload",)])
@pytest.mark.parametrize("end", ["", "\n", " \r\n"])
def test_workload_identity(vault, mount, tmp_path, options, end):
    trust(vault)
    file = tmp_path / "token"
    file.write_text(issue(vault) + end)
    file.chmod(0o644)  # as Kubernetes does
    m = mount(vault, *options, env=dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=file))
    works(m, vault)
    assert "0644" not in m.process.err


def test_a_renewed_token_is_read_through_the_link(vaults, mount, tmp_path):
    vault = vaults("first", seed="secrets=2", options=["--token-life", "2"])
    trust(vault)

    def project(name):
        """As kubelet does: a new directory, and a link that is replaced."""
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(issue(vault, life_s=3600 if name == "2" else 60))
        (tmp_path / "..data_tmp").symlink_to(name)
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")

    project("1")
    (tmp_path / "token").symlink_to("..data/token")
    m = mount(vault, "list_ttl=1", env=dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=tmp_path / "token"))
    project("2")
    (tmp_path / "1" / "token").write_text("no longer")
    before = vault.count("token", 200)
    listed_again(lambda: m.names("secrets") and vault.count("token", 200) > before, "a token by the new one")
    works(m, vault)


@pytest.mark.parametrize("content, expected", [
    (None, ": No such file or directory"),
    ("", " is empty"),
    (" \n", " does not contain a token"),
    ("not a token", " does not contain a token"),
    ("a.b.c\0", " does not contain a token"),
    ("a." * (1 << 18), " is larger than 256 KiB"),
], ids=["missing", "empty", "blank", "words", "NUL", "huge"])
def test_each_fault_of_a_token_file_is_one_sentence(vault, mount, tmp_path, content, expected):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    m = mount(vault, env=dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=file), wait=False)
    assert f"AZURE_FEDERATED_TOKEN_FILE={file}{expected}" in sentence(m)
    assert vault.count("token") == 0


@pytest.mark.parametrize("number, wrong", [
    (700211, {"issuer": KUBERNETES[:-1]}),
    (700212, {"audience": "api://azureadtokenexchange"}),
    (700213, {"subject": ACCOUNT.upper()}),
    (700024, {"life_s": -1000}),
])
def test_each_refusal_of_a_federated_token_is_one_sentence(vault, mount, tmp_path, number, wrong):
    trust(vault)
    file = tmp_path / "token"
    file.write_text(issue(vault, **wrong))
    m = mount(vault, env=dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=file), wait=False)
    assert f"AADSTS{number}" in sentence(m)


@pytest.mark.parametrize("number", [53003, 7000229, 7000112, 500011, 90002])
def test_each_refusal_of_the_tenant_is_one_sentence(vault, mount, tmp_path, number):
    trust(vault)
    file = tmp_path / "token"
    file.write_text(issue(vault))
    vault.fault(operation="token", status=400, code=f"AADSTS{number}")
    m = mount(vault, "auth=workload", env=dict(NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=file), wait=False)
    assert f"AADSTS{number}" in sentence(m)


def of_github(vault, **changes):
    return {**NO_SECRET, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{vault.authority}/_oidc/github/idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": vault.secret, **changes}


def test_github_actions(vault, mount):
    trust(vault, GITHUB, BRANCH)
    works(mount(vault, "auth=github", env=of_github(vault)), vault)


@pytest.mark.parametrize("changes, expected", [
    (dict(ACTIONS_ID_TOKEN_REQUEST_URL=None), "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
    (dict(ACTIONS_ID_TOKEN_REQUEST_TOKEN=None), "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set"),
    (dict(ACTIONS_ID_TOKEN_REQUEST_TOKEN="wrong"), "GitHub Actions refuses to issue a token (status 401)"),
    (dict(AZURE_CLIENT_ID=None), "AZURE_CLIENT_ID"),
    (dict(ACTIONS_ID_TOKEN_REQUEST_URL="http://127.0.0.1:1/x?y=z"), "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL"),
])
def test_each_failure_of_github_actions_is_one_sentence(vault, mount, changes, expected):
    m = mount(vault, "auth=github", env=of_github(vault, **changes), wait=False)
    said = sentence(m)
    assert expected in said
    if "TOKEN" in expected and "https" not in expected:
        assert "id-token: write" in said


def of_pipelines(vault, **changes):
    return {**NO_SECRET, "SYSTEM_OIDCREQUESTURI": f"{vault.authority}/_oidc/pipelines/oidctoken",
            "SYSTEM_ACCESSTOKEN": vault.secret, **changes}


def test_azure_pipelines_by_option(vault, mount):
    trust(vault, DEVOPS, f"sc://contoso/backup/{CONNECTION}")
    works(mount(vault, "auth=pipelines", f"service_connection={CONNECTION}", env=of_pipelines(vault)), vault)


def test_azure_pipelines_by_the_variables_of_the_task(vault, mount):
    trust(vault, DEVOPS, f"sc://contoso/backup/{CONNECTION}")
    env = of_pipelines(vault, AZURE_CLIENT_ID=None, AZURE_TENANT_ID=None, AZURESUBSCRIPTION_CLIENT_ID=vault.client_id,
                       AZURESUBSCRIPTION_TENANT_ID=vault.tenant, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION)
    works(mount(vault, "auth=pipelines", env=env), vault)


@pytest.mark.parametrize("changes, expected", [
    (dict(SYSTEM_OIDCREQUESTURI=None), "SYSTEM_OIDCREQUESTURI is not set"),
    (dict(SYSTEM_ACCESSTOKEN=None), "SYSTEM_ACCESSTOKEN is not set (map it in the step"),
    (dict(SYSTEM_ACCESSTOKEN="wrong"), "Azure Pipelines answers with a page to sign in (status 203)"),
    (dict(SYSTEM_OIDCREQUESTURI="http://127.0.0.1:1/x"), "SYSTEM_OIDCREQUESTURI is not an https URL"),
])
def test_each_failure_of_azure_pipelines_is_one_sentence(vault, mount, changes, expected):
    m = mount(vault, "auth=pipelines", f"service_connection={CONNECTION}", env=of_pipelines(vault, **changes), wait=False)
    assert expected in sentence(m)


def test_without_a_service_connection_it_is_asked_for(vault, mount):
    m = mount(vault, "auth=pipelines", env=of_pipelines(vault), wait=False)
    assert "service_connection= is not set" in sentence(m)


@pytest.mark.parametrize("status, headers, body, expected", [
    (302, {"Location": "https://localhost:1/_signin"}, b"", "answers with a page to sign in (status 302)"),
    (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Sign In</html>", "answers with a page to sign in"),
    (200, {}, {"other": "member"}, "the answer of Azure Pipelines contains no token"),
    (200, {}, {"oidcToken": "not a token"}, "the answer of Azure Pipelines contains no token"),
    (200, {}, {"oidcToken": {"a": 1}}, "the answer of Azure Pipelines contains no token"),
    (200, {}, b"{", "the answer of Azure Pipelines contains no token"),
    (404, {}, {"message": "no such connection"}, "refuses to issue a token (status 404)"),
])
def test_what_is_no_token_is_one_sentence(vault, mount, tmp_path, status, headers, body, expected):
    with FakeServer(tmp_path, lambda *a: (status, headers, body)) as other:
        both = tmp_path / "both.pem"
        both.write_text(other.ca.read_text() + pathlib.Path(vault.ca).read_text())
        m = mount(vault, f"cacert={both}", "auth=pipelines", f"service_connection={CONNECTION}",
                  env=of_pipelines(vault, SYSTEM_OIDCREQUESTURI=other.url), wait=False)
        said = sentence(m)
    assert expected in said
    method, path, sent, _ = other.requests[0]
    assert method == "POST" and path == f"/?api-version=7.1&serviceConnectionId={CONNECTION}"
    assert sent["Authorization"] == f"Bearer {vault.secret}" and sent["X-TFS-FedAuthRedirect"] == "Suppress"
    assert len(other.requests) == 1 and vault.count("token") == 0


@pytest.mark.parametrize("word", ["github", "pipelines"])
def test_auto_does_not_try_pipelines(vault, mount, word):
    trust(vault, GITHUB, BRANCH)
    env = {"github": of_github, "pipelines": of_pipelines}[word](vault)
    m = mount(vault, "auth=env:workload", env=env, wait=False)
    assert m.process.wait(60) == 1
    assert vault.count("token") == 0
