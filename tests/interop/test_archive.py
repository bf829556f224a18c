"""Everything that an SDK has made is archived by kvfs, lost, restored by kvfs, and the same for the SDK."""
import contextlib
import os
import pathlib
import subprocess

import conftest
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient
from conftest import eventually

URL = os.environ["INDEPENDENT_URL"].rstrip("/")
SECOND = os.environ.get("INDEPENDENT_SECOND_URL", "").rstrip("/")
CA = os.environ["INDEPENDENT_CA"]
OPTIONS = [o for o in os.environ.get("INDEPENDENT_OPTIONS", "").split(",") if o]
TYPES = ("keys", "secrets", "certificates")


class Clients:
    """The SDK's three clients of one vault."""

    def __init__(self, url):
        if "AZURE_CLIENT_SECRET" in os.environ:
            credential = ClientSecretCredential(
                os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
                authority=os.environ["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True, connection_verify=CA)
        else:
            credential = ManagedIdentityCredential()
        # The version that kvfs asks for: not every server knows the newest.
        more = {"connection_verify": CA, "api_version": "7.4"}
        if "no_challenge_verify" in OPTIONS:
            more["verify_challenge_resource"] = False
        self.keys = KeyClient(url, credential, **more)
        self.secrets = SecretClient(url, credential, **more)
        self.certificates = CertificateClient(url, credential, **more)

    def make(self):
        """Objects of every kind, with versions, tags, times and spellings; their names by type."""
        self.keys.create_rsa_key("rsa", size=2048, tags={"owner": "team 1"})
        self.keys.create_rsa_key("rsa", size=2048)
        self.keys.create_ec_key("Curve-P521", curve="P-521", enabled=False)
        self.keys.create_ec_key("k" * 127, curve="P-256")
        for i in range(3):
            self.secrets.set_secret("db-password", f"value {i}", content_type="text/plain", tags={"round": str(i)})
        self.secrets.set_secret("DB2", "ünïcödé ✓ \n second line")
        self.secrets.set_secret("big", "x" * 20000)
        for i in range(30):
            self.secrets.set_secret(f"many-{i:02}", f"{i}")
        self.certificates.begin_create_certificate(
            "self-signed", CertificatePolicy(
                "Self", subject="CN=example.test", validity_in_months=12, key_type="RSA", key_size=2048, exportable=True,
                reuse_key=False, content_type="application/x-pkcs12"), _polling_interval=0.1).result()

    def names(self):
        """type -> the names that are not of a certificate."""
        certificates = {p.name for p in self.certificates.list_properties_of_certificates()}
        return {
            "keys": {p.name for p in self.keys.list_properties_of_keys() if not p.managed},
            "secrets": {p.name for p in self.secrets.list_properties_of_secrets() if not p.managed},
            "certificates": certificates,
        }

    def describe(self):
        """All that the SDK tells of every version of every object."""
        said = {}
        for p in [v for n in self.names()["keys"] for v in self.keys.list_properties_of_key_versions(n)]:
            said["keys", p.name, p.version] = (p.enabled, p.tags or {}, p.expires_on, p.not_before)
            if p.enabled:
                key = self.keys.get_key(p.name, p.version)
                said["keys", p.name, p.version] += (key.key.kty, key.key.n, key.key.e, key.key.crv, key.key.x,
                                                    key.key.y, sorted(key.key_operations))
        for p in [v for n in self.names()["secrets"] for v in self.secrets.list_properties_of_secret_versions(n)]:
            value = self.secrets.get_secret(p.name, p.version).value if p.enabled else None
            said["secrets", p.name, p.version] = (value, p.enabled, p.tags or {}, p.content_type, p.expires_on)
        for p in [v for n in self.names()["certificates"]
                  for v in self.certificates.list_properties_of_certificate_versions(n)]:
            certificate = self.certificates.get_certificate_version(p.name, p.version)
            said["certificates", p.name, p.version] = (
                bytes(certificate.cer), bytes(p.x509_thumbprint), p.enabled, p.tags or {}, p.expires_on)
        return said

    def lose(self, kind, name):
        """Delete and purge it. The SDK's own poller waits for ever on some servers."""
        client, singular = getattr(self, kind), kind[:-1]
        getattr(client, f"begin_delete_{singular}")(name)

        def is_purged():
            with contextlib.suppress(HttpResponseError):
                getattr(client, f"purge_deleted_{singular}")(name)
                return True
            return False

        eventually(is_purged, f"{kind}/{name} can be purged")

    def lose_everything(self):
        for kind in ("certificates", "keys", "secrets"):
            for name in self.names()[kind]:
                # A server that marks nothing as managed may delete these with their certificate.
                with contextlib.suppress(ResourceNotFoundError):
                    self.lose(kind, name)
        eventually(lambda: not any(self.names().values()), "everything is gone")


def mounted(url, point, *options):
    return conftest.mounted(url, point, CA, *OPTIONS, *options)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The clients, what the SDK said before, and the archive that rsync made of the vault."""
    directory = tmp_path_factory.mktemp("independent")
    clients = Clients(URL)
    clients.make()
    said = clients.describe()
    with mounted(URL, directory / "source", "ro"):
        subprocess.run(["rsync", "-a", f"{directory}/source/", directory / "archive"], check=True, timeout=300)
    return clients, said, directory


def files(directory):
    return {kind: {p.name.removesuffix(".blob") for p in (directory / kind).iterdir()} for kind in TYPES}


def restore(url, directory, point):
    """Certificates first: where nothing is marked as managed, their keys and secrets come with them."""
    with mounted(url, point) as log:
        for kind in ("certificates", "keys", "secrets"):
            result = subprocess.run(["cp", "-r", directory / "archive" / kind, point / "restore"], check=False,
                                    timeout=600, capture_output=True, text=True)
            of_certificates = files(directory / "archive")["certificates"]
            for line in result.stderr.splitlines():
                # cp: failed to close '…/restore/keys/NAME.blob': File exists
                name = line.rpartition("/")[2].partition(".blob")[0]
                assert "File exists" in line and name in of_certificates, result.stderr + log.read_text()


def test_every_name_is_shown_and_every_blob_is_there(archive):
    clients, _, directory = archive
    assert files(directory / "archive") == clients.names()
    assert all(p.stat().st_size > 100 for p in (directory / "archive").rglob("*.blob"))


def test_a_blob_is_as_long_as_the_sdk_s_own(archive):
    clients, _, directory = archive
    blob = (directory / "archive/secrets/db-password.blob").read_bytes()
    assert abs(len(clients.secrets.backup_secret("db-password")) - len(blob)) <= 4


def test_everything_is_restored_into_a_second_vault(archive):
    if not SECOND:
        pytest.skip("there is no second vault (INDEPENDENT_SECOND_URL)")
    _, said, directory = archive
    restore(SECOND, directory, directory / "second")
    assert Clients(SECOND).describe() == said


def test_the_sdk_restores_what_kvfs_has_archived(archive):
    clients, said, directory = archive
    name = "many-07"
    clients.lose("secrets", name)
    blob = (directory / f"archive/secrets/{name}.blob").read_bytes()

    def restored():
        with contextlib.suppress(Exception):
            clients.secrets.restore_secret_backup(blob)
            return True
        return False

    eventually(restored, "the restore, once the purge is over")
    assert clients.describe() == said


def test_everything_that_is_lost_is_restored(archive):
    clients, said, directory = archive
    clients.lose_everything()
    restore(URL, directory, directory / "first")
    assert clients.names() == files(directory / "archive")
    assert clients.describe() == said


def test_what_is_wrong_is_refused(archive):
    clients, said, directory = archive
    blob = (directory / "archive/secrets/db-password.blob").read_bytes()
    bad = pathlib.Path(directory / "bad.blob")
    with mounted(URL, directory / "bad"):
        (directory / "bad/restore/secrets").mkdir(exist_ok=True)
        for data, name in ((b"", "empty"), (blob[:len(blob) // 2], "cut"), (blob, "in-use")):
            bad.write_bytes(data)
            result = subprocess.run(["cp", bad, directory / f"bad/restore/secrets/{name}.blob"], check=False,
                                    capture_output=True, text=True, timeout=120)
            assert result.returncode == 1, name
        result = subprocess.run(["cp", bad, directory / "bad/keys/"], check=False, capture_output=True, timeout=60)
        assert result.returncode == 1
    assert clients.describe() == said
