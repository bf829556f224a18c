"""What an SDK makes, kvfs archives and restores; what kvfs has archived, the SDK restores. Both see the same objects."""
import base64
import datetime
import os
import subprocess
import time

import pytest
from conftest import eventually, mounted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from driver import SDK, Refused, Sdk, environment

KINDS = ("certificates", "keys", "secrets")
HAS_MAXRESULTS = SDK in ("python", "js")  # the others ask for the service's own page
CERTIFICATES = ("imported", "self-signed")


def url(vault, name):
    return vault.ready["vaults"][name]


class Client:
    """The SDK's clients of one of the two vaults."""

    def __init__(self, vault, directory):
        self.vault, self.now_at = vault, None
        self.env = environment(vault, directory, AZURE_TENANT_ID=vault.ready["tenant"],
                               AZURE_CLIENT_ID=vault.ready["client_id"], AZURE_CLIENT_SECRET=vault.secret)
        self.sdk = Sdk(self.env)

    def at(self, name):
        if self.now_at != name:
            self.sdk.open(url=url(self.vault, name), credential_of={
                "kind": "secret", "tenant": self.vault.ready["tenant"], "client_id": self.vault.ready["client_id"],
                "secret": self.vault.secret})
            self.now_at = name
        return self.sdk

    def mounted(self, name, point, *options):
        return mounted(url(self.vault, name), point, self.vault.ready["ca"], *options, env=self.env)


def jwk(private):
    n = private.private_numbers()
    p = n.public_numbers
    values = {"n": p.n, "e": p.e, "d": n.d, "p": n.p, "q": n.q, "dp": n.dmp1, "dq": n.dmq1, "qi": n.iqmp}
    encode = lambda v: base64.urlsafe_b64encode(v.to_bytes((v.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
    return {"kty": "RSA", **{k: encode(v) for k, v in values.items()}}


def pfx(private, password):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "imported.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
            .serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=30))
            .sign(private, hashes.SHA256()))
    return made, pkcs12.serialize_key_and_certificates(
        b"n", private, made, None, serialization.BestAvailableEncryption(password.encode()))


def make(sdk, private, container):
    sdk.create_key(name="rsa", kty="RSA", size=2048, tags={"owner": "team 1"})
    sdk.create_key(name="rsa", kty="RSA", size=2048)
    sdk.create_key(name="Curve-P384", kty="EC", curve="P-384")
    sdk.import_key(name="given", jwk=jwk(private))
    for i in range(3):
        sdk.set_secret(name="db-password", value=f"value {i}", content_type="text/plain", tags={"round": str(i)})
    sdk.set_secret(name="DB2", value="ünïcödé ✓ \n second line")
    for i in range(24):
        sdk.set_secret(name=f"many-{i:02}", value=str(i))
    sdk.create_certificate(name="self-signed", subject="CN=example.test")
    sdk.import_certificate(name="imported", pfx=base64.b64encode(container).decode(), password="geheim")


def names(sdk, kind):
    """Without the keys and secrets of certificates, which kvfs leaves out too."""
    return sorted(n for n in sdk.list(kind=kind)["names"] if kind == "certificates" or n not in CERTIFICATES)


def describe(sdk):
    return {kind: {n: sdk.describe(kind, n) for n in sdk.list(kind=kind)["names"]} for kind in KINDS}


@pytest.fixture(scope="module")
def made(vault, tmp_path_factory):
    """The client, the first vault's objects as the SDK describes them, and the key that was imported."""
    client = Client(vault, tmp_path_factory.mktemp("home"))
    with client.sdk:
        private = rsa.generate_private_key(65537, 2048)
        certificate, container = pfx(private, "geheim")
        make(client.at("first"), private, container)
        yield client, describe(client.sdk), private, certificate


def files(directory):
    return {kind: sorted(p.name.removesuffix(".blob") for p in (directory / kind).iterdir()) for kind in KINDS}


def lose(sdk, kind, name):
    sdk.delete(kind=kind, name=name)
    sdk.purge(kind=kind, name=name)


def restored(sdk, kind, blob):
    """A purge takes effect late: until then the name is in use."""
    end = time.monotonic() + 60
    while True:
        try:
            return sdk.restore(kind, blob)
        except Refused as e:
            assert e.status == 409 and time.monotonic() < end, (kind, e)
            time.sleep(0.05)


def test_the_sdk_and_kvfs_list_the_same_names(made, tmp_path):
    client, *_ = made
    sdk = client.at("first")
    with client.mounted("first", tmp_path / "m", "ro"):
        shown = {kind: sorted(n.removesuffix(".blob") for n in os.listdir(tmp_path / "m" / kind)) for kind in KINDS}
    assert shown == {kind: names(sdk, kind) for kind in KINDS}


def test_every_version_is_listed(made):
    _, said, *_ = made
    versions = {(kind, n): len(said[kind][n]) for kind in KINDS for n in said[kind]}
    assert versions["keys", "rsa"] == 2 and versions["secrets", "db-password"] == 3
    assert all(count == 1 for (_, n), count in versions.items() if n not in ("rsa", "db-password"))
    assert sorted(v["value"] for v in said["secrets"]["db-password"].values()) == ["value 0", "value 1", "value 2"]


def test_a_list_has_every_name_once_whatever_the_page(made):
    client, *_ = made
    sdk = client.at("first")
    whole = sdk.list(kind="secrets")
    pages = sdk.list(kind="secrets", page=7) if HAS_MAXRESULTS else whole
    assert sorted(whole["names"]) == sorted(pages["names"]) == sorted(set(whole["names"]))
    assert len(pages["pages"]) > 2 and max(pages["pages"]) <= (7 if HAS_MAXRESULTS else 10)


def test_an_imported_key_and_certificate_are_what_was_given(made):
    client, said, private, certificate = made
    (key,), (cer,) = said["keys"]["given"].values(), said["certificates"]["imported"].values()
    assert int.from_bytes(base64.b64decode(key["n"]), "big") == private.public_key().public_numbers().n
    assert base64.b64decode(cer["cer"]) == certificate.public_bytes(serialization.Encoding.DER)


def test_a_certificate_is_downloaded_with_its_key(made):
    client, _, private, certificate = made
    secret = client.at("first").get(kind="secrets", name="imported")
    assert secret["content_type"] == "application/x-pkcs12"
    key, got, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
    assert got == certificate and key.private_numbers() == private.private_numbers()


def test_blobs_of_the_sdk_are_restored_by_kvfs_and_blobs_of_kvfs_by_the_sdk(made, tmp_path):
    client, said, *_ = made
    sdk = client.at("first")
    for kind in KINDS:
        (tmp_path / "blobs" / kind).mkdir(parents=True)
        for name in names(sdk, kind):
            (tmp_path / f"blobs/{kind}/{name}.blob").write_bytes(sdk.backup(kind, name))
    with client.mounted("second", tmp_path / "in") as log:
        for kind in KINDS:
            done = subprocess.run(["cp", "-r", tmp_path / "blobs" / kind, tmp_path / "in/restore"],
                                  capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr + log.read_text()
    assert describe(client.at("second")) == said

    with client.mounted("second", tmp_path / "out", "ro"):
        subprocess.run(["rsync", "-a", f"{tmp_path}/out/", tmp_path / "archive"], check=True, timeout=300)
    assert files(tmp_path / "archive") == files(tmp_path / "blobs")
    sdk = client.at("second")
    chosen = [(kind, name) for kind, of_kind in files(tmp_path / "archive").items() for name in of_kind
              if not name.startswith("many-") or name == "many-07"]
    for kind, name in chosen:
        lose(sdk, kind, name)
    for kind, name in chosen:
        assert restored(sdk, kind, (tmp_path / f"archive/{kind}/{name}.blob").read_bytes()) == name
    assert describe(sdk) == said


def test_both_write_a_blob_of_the_same_form(made, tmp_path):
    client, *_ = made
    with client.mounted("first", tmp_path / "m", "ro"):
        for kind, name in (("keys", "given"), ("secrets", "db-password"), ("certificates", "imported")):
            ours, theirs = (tmp_path / f"m/{kind}/{name}.blob").read_bytes(), client.at("first").backup(kind, name)
            # The service seals each backup anew: what is the same is the header, and the length but for padding.
            assert ours[:12] == theirs[:12] and abs(len(ours) - len(theirs)) <= 4, (kind, name)


@pytest.mark.parametrize("kind, name", [("keys", "Curve-P384"), ("secrets", "db-password"), ("certificates", "self-signed")])
def test_what_is_deleted_is_recovered_with_all_its_versions(made, kind, name):
    client, said, *_ = made
    sdk = client.at("first")
    sdk.delete(kind=kind, name=name)
    assert name in sdk.deleted(kind=kind)["names"]
    with pytest.raises(Refused) as missing:
        sdk.get(kind=kind, name=name)
    assert missing.value.status == 404
    sdk.recover(kind=kind, name=name)
    assert sdk.describe(kind, name) == said[kind][name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_in_use_and_rubbish_are_refused(made, kind):
    client, said, *_ = made
    sdk = client.at("first")
    blob = sdk.backup(kind, names(sdk, kind)[0])
    for data, status in ((blob, 409), (b"no blob at all", 400), (blob[:len(blob) // 2], 400)):
        with pytest.raises(Refused) as refused:
            sdk.restore(kind, data)
        assert refused.value.status == status, refused.value


def test_an_object_that_is_not_there_is_404(made):
    for kind in KINDS:
        with pytest.raises(Refused) as missing:
            made[0].at("first").backup(kind, "nowhere")
        assert missing.value.status == 404


def test_kvfs_refuses_what_the_sdk_is_refused(made, tmp_path):
    client, *_ = made
    sdk = client.at("first")
    blob = sdk.backup("secrets", "DB2")
    with client.mounted("first", tmp_path / "m"):
        for data, name, errno in ((blob, "DB2", "File exists"), (blob[:len(blob) // 2], "cut", "Invalid argument")):
            (tmp_path / "x").write_bytes(data)
            done = subprocess.run(["cp", tmp_path / "x", tmp_path / f"m/restore/secrets/{name}.blob"], check=False,
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 1 and errno in done.stderr, done.stderr


def test_contacts_are_set_read_and_deleted(made):
    sdk = made[0].at("first")
    who = [{"email": "one@localhost", "name": "One", "phone": "1111111111"},
           {"email": "two@localhost", "name": "Two", "phone": "2222222222"}]
    assert sdk.contacts(what="set", values=who) == who
    assert sdk.contacts(what="get") == who
    assert sdk.contacts(what="delete") == ([] if SDK == "js" else who)  # the SDK for JavaScript drops the answer
    with pytest.raises(Refused) as missing:
        sdk.contacts(what="get")
    assert missing.value.status == 404


def test_an_issuer_is_set_read_listed_and_deleted(made):
    sdk = made[0].at("first")
    issuer = {"name": "issuer1", "provider": "Test", "account": "keyvaultuser", "enabled": True}
    assert sdk.issuers(what="set", name="issuer1", provider="Test", account="keyvaultuser") == issuer
    assert sdk.issuers(what="get", name="issuer1") == issuer
    assert sdk.issuers(what="list") == [["issuer1", "Test"]]
    assert sdk.issuers(what="delete", name="issuer1") == issuer
    assert sdk.issuers(what="list") == []


def test_what_the_sdk_purges_is_gone_from_the_mount(made, tmp_path):
    client, *_ = made
    sdk = client.at("first")
    sdk.set_secret(name="short-lived", value="x")
    lose(sdk, "secrets", "short-lived")
    eventually(lambda: "short-lived" not in sdk.deleted(kind="secrets")["names"], "the purge")
    with client.mounted("first", tmp_path / "m", "ro"):
        assert not (tmp_path / "m/secrets/short-lived.blob").exists()
