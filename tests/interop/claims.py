"""Continuous access evaluation, as Microsoft's library handles it: the local vault requires claims as the service does.

tests/interop/run calls this.
"""
import json
import pathlib
import sys
import time

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sdk"))
from local_vault import LocalVault


@pytest.fixture
def vault():
    with LocalVault("--vault", "first", "--seed", "secrets=1,kty=EC", "--imds", "127.0.0.1:0") as v:
        yield v


def client(vault, credential):
    url = vault.ready["vaults"]["first"]
    return SecretClient(url, credential, api_version="7.4", connection_verify=vault.ready["ca"])


def test_a_client_requests_the_claims_once_and_goes_on(vault):
    secret = pathlib.Path(vault.ready["client_secret_file"]).read_text().strip()
    secrets = client(vault, ClientSecretCredential(
        vault.ready["tenant"], vault.ready["client_id"], secret, authority=vault.ready["authority"],
        disable_instance_discovery=True, connection_verify=vault.ready["ca"]))
    before = [x.name for x in secrets.list_properties_of_secrets()]
    vault.local("POST", "config", {"wall_revoked": int(time.time())})
    assert [x.name for x in secrets.list_properties_of_secrets()] == before != []
    tokens = json.loads(vault.call("GET", "/_local/stats")[2])["requests"]["token"]
    assert tokens["200"] == 2, tokens


def test_a_managed_identity_cannot(vault, monkeypatch):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", vault.ready["imds"])
    secrets = client(vault, ManagedIdentityCredential())
    assert list(secrets.list_properties_of_secrets())
    vault.local("POST", "config", {"wall_revoked": int(time.time())})
    with pytest.raises(HttpResponseError):
        list(secrets.list_properties_of_secrets())
