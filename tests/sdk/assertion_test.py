"""
Microsoft's own library signs assertions with certificates, and passes on those of other issuers: the local vault
accepts and refuses them as the service does. SDK_PYTHON=python chooses a Python with a newer azure-identity.
"""

import datetime
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

PYTHON = os.environ.get("SDK_PYTHON", "/usr/bin/python3")
CLIENT = Path(__file__).with_name("one_token.py")
ISSUER = "https://oidc.prod-aks.azure.com/6a1f/"
SUBJECT = "system:serviceaccount:backup:kvfs"
CONNECTION = "0a1b2c3d-0000-4000-8000-123456789abc"


@pytest.fixture(scope="module")
def vault():
    from local_vault import LocalVault

    with LocalVault() as v:
        yield v
    assert v.status == 0


def certificate(directory, name, days=30):
    """The path of NAME.pem and NAME.pfx (password "geheim"), without suffix, and the certificate alone."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(end - datetime.timedelta(days=60)).not_valid_after(end)
            .sign(key, hashes.SHA256()))
    pem = made.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    (directory / f"{name}.pem").write_bytes(key_pem + pem)
    (directory / f"{name}.pfx").write_bytes(pkcs12.serialize_key_and_certificates(
        b"n", key, made, None, serialization.BestAvailableEncryption(b"geheim")))
    return directory / name, pem.decode()


def token(vault, kind, environment=(), **options):
    if subprocess.run([PYTHON, "-c", f"from azure.identity import {kind}"], capture_output=True).returncode != 0:
        pytest.skip(f"azure-identity has no {kind}")
    done = subprocess.run(
        [PYTHON, CLIENT, kind, json.dumps(vault.ready), json.dumps(options)],
        env={**os.environ, "REQUESTS_CA_BUNDLE": vault.ready["ca"],
             "AZURE_AUTHORITY_HOST": vault.ready["authority"], **dict(environment)},
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


@pytest.fixture
def registered(vault):
    """Registers what is given; forgotten afterwards."""
    yield lambda **what: vault.local("POST", "registrations", what)
    vault.local("DELETE", "registrations")


@pytest.mark.parametrize("form", ["pem", "pfx"])
@pytest.mark.parametrize("chain", [False, True])
def test_a_certificate_gives_a_token(vault, registered, tmp_path, form, chain):
    name, pem = certificate(tmp_path, "mine")
    registered(certificate=pem)
    assert token(vault, "CertificateCredential", certificate_path=str(name.with_suffix("." + form)),
                 password="geheim" if form == "pfx" else None, send_certificate_chain=chain) == "eyJ"


def test_a_certificate_of_somebody_else_is_not_registered(vault, registered, tmp_path):
    registered(certificate=certificate(tmp_path, "mine")[1])
    other, _ = certificate(tmp_path, "other")
    answer = token(vault, "CertificateCredential", certificate_path=str(other.with_suffix(".pem")))
    assert "AADSTS700027" in answer and "The key was not found" in answer


def test_a_registered_certificate_that_expired_is_refused(vault, registered, tmp_path):
    name, pem = certificate(tmp_path, "old", days=-1)
    registered(certificate=pem)
    answer = token(vault, "CertificateCredential", certificate_path=str(name.with_suffix(".pem")))
    assert "AADSTS700027" in answer and "The key used is expired" in answer


def issue(vault, issuer=ISSUER, subject=SUBJECT, **more):
    return vault.local("POST", "oidc", {"issuer": issuer, "subject": subject, **more})["token"]


def test_a_token_of_a_trusted_issuer_gives_a_token(vault, registered):
    registered(issuer=ISSUER, subject=SUBJECT)
    assert token(vault, "ClientAssertionCredential", token=issue(vault)) == "eyJ"


@pytest.mark.parametrize("number, wrong", [
    ("700211", {"issuer": ISSUER[:-1]}),
    ("700212", {"audience": "api://azureadtokenexchange"}),
    ("700213", {"subject": SUBJECT.upper()}),
    ("700024", {"life_s": -1000}),
])
def test_each_claim_that_does_not_match_has_its_number(vault, registered, number, wrong):
    registered(issuer=ISSUER, subject=SUBJECT)
    assert f"AADSTS{number}:" in token(vault, "ClientAssertionCredential", token=issue(vault, **wrong))


def test_without_a_federated_credential_nothing_matches(vault):
    assert "AADSTS70021:" in token(vault, "ClientAssertionCredential", token=issue(vault))


def test_a_token_that_somebody_else_signed_is_refused(vault, registered):
    registered(issuer=ISSUER, subject=SUBJECT)
    header, claims, signature = issue(vault).split(".")
    forged = ".".join([header, claims, signature[::-1]])
    assert "AADSTS7000274:" in token(vault, "ClientAssertionCredential", token=forged)


def test_workload_identity_reads_its_file(vault, registered, tmp_path):
    registered(issuer=ISSUER, subject=SUBJECT)
    file = tmp_path / "token"
    file.write_text(issue(vault))
    assert token(vault, "WorkloadIdentityCredential", token_file_path=str(file)) == "eyJ"


@pytest.mark.parametrize("is_job", [True, False])
def test_azure_pipelines_asks_for_its_assertion(vault, registered, is_job):
    registered(issuer="https://vstoken.dev.azure.com/5d2b6a0c-1f6e-4c0a-9b6b-2f3c9c4a7e10",
               subject=f"sc://contoso/backup/{CONNECTION}")
    answer = token(
        vault, "AzurePipelinesCredential",
        {"SYSTEM_OIDCREQUESTURI": vault.ready["authority"] + "/_oidc/pipelines/oidctoken"}.items(),
        service_connection_id=CONNECTION, system_access_token=vault.secret if is_job else "wrong")
    assert answer == "eyJ" if is_job else "oidc" in answer.lower()


@pytest.mark.parametrize("number", ["53003", "7000222", "7000229", "7000112", "500011", "90002"])
def test_every_refusal_can_be_played(vault, number):
    vault.local("POST", "faults", {"operation": "token", "status": 400, "code": f"AADSTS{number}", "count": 1})
    try:
        answer = token(vault, "ClientAssertionCredential", token="a.b.c")
        assert f"AADSTS{number}: " in answer and "{" not in answer.split("Trace ID")[0]
    finally:
        vault.local("DELETE", "faults")
