"""
Microsoft's own library gets tokens of managed identities from the local vault's endpoints, so kvfs is tested against
what the services' clients expect. SDK_PYTHON=python chooses a Python with a newer azure-identity.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from local_vault import OWN_MOUNTS, LocalVault

PYTHON = os.environ.get("SDK_PYTHON", "/usr/bin/python3")
CLIENT = Path(__file__).with_name("one_token.py")
KEYS = "/var/opt/azcmagent/tokens"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arc")


@pytest.fixture(scope="module")
def vault(folder):
    with LocalVault("--imds", "127.0.0.1:0", "--arc-tokens", str(folder)) as v:
        yield v
    assert v.status == 0


def source_of(vault, source):
    imds = vault.ready["imds"]
    return {
        "imds": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": imds},
        "app-service": {"IDENTITY_ENDPOINT": f"{imds}/msi/token", "IDENTITY_HEADER": vault.secret},
        "machine-learning": {"MSI_ENDPOINT": f"{imds}/ml/token", "MSI_SECRET": vault.secret},
        "arc": {"IDENTITY_ENDPOINT": f"{imds}/arc/metadata/identity/oauth2/token", "IMDS_ENDPOINT": imds},
    }[source]


def token(vault, environment, before=(), **options):
    done = subprocess.run(
        [*before, PYTHON, CLIENT, "ManagedIdentityCredential", json.dumps(vault.ready), json.dumps(options)],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


@pytest.mark.parametrize("source", ["imds", "app-service", "machine-learning"])
@pytest.mark.parametrize("is_named", [False, True])
def test_a_managed_identity_gives_a_token(vault, source, is_named):
    options = {"client_id": vault.ready["client_id"]} if is_named else {}
    assert token(vault, source_of(vault, source), **options) == "eyJ"


@pytest.mark.parametrize("source", ["imds", "app-service", "machine-learning"])
def test_an_identity_that_is_not_there_is_refused(vault, source):
    answer = token(vault, source_of(vault, source), client_id="99999999-8888-7777-6666-555555555555")
    assert not answer.startswith("eyJ") and answer


def test_the_agent_of_arc_gives_a_token_for_its_key(vault, folder):
    if subprocess.run([OWN_MOUNTS, "true"], capture_output=True).returncode != 0:
        pytest.skip("a mount namespace needs root, and a root that is a mount")
    script = f'mount -t tmpfs none /var/opt && mkdir -p {KEYS} && mount --bind {folder} {KEYS} && exec "$@"'
    assert token(vault, source_of(vault, "arc"), [OWN_MOUNTS, "sh", "-c", script, "sh"]) == "eyJ"
    assert [x.suffix for x in folder.iterdir()] == [".key"]
