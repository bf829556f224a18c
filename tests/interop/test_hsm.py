"""A Managed HSM: its keys are archived by kvfs and by the SDK, lost, and restored by the other one."""
import subprocess

import pytest
from conftest import mounted
from driver import Refused, Sdk, environment
from local_vault import LocalVault


@pytest.fixture(scope="module")
def hsm():
    with LocalVault("--hsm", "--vault", "first", "--vault", "second", "--lag", "0") as v:
        yield v
    assert v.status == 0


@pytest.fixture(scope="module")
def client(hsm, tmp_path_factory):
    env = environment(hsm, tmp_path_factory.mktemp("home"), AZURE_TENANT_ID=hsm.ready["tenant"],
                      AZURE_CLIENT_ID=hsm.ready["client_id"], AZURE_CLIENT_SECRET=hsm.secret)
    with Sdk(env) as sdk:
        sdk.env = env
        at(hsm, sdk, "first")
        sdk.create_key(name="rsa", kty="RSA", size=2048, hsm=True, tags={"owner": "team 1"})
        sdk.create_key(name="rsa", kty="RSA", size=2048, hsm=True)
        sdk.create_key(name="curve", kty="EC", curve="P-384", hsm=True)
        yield sdk


def at(hsm, sdk, name):
    sdk.open(url=hsm.ready["vaults"][name], only=["keys"], credential_of={
        "kind": "secret", "tenant": hsm.ready["tenant"], "client_id": hsm.ready["client_id"], "secret": hsm.secret})


def describe(sdk):
    return {n: sdk.describe("keys", n) for n in sdk.list(kind="keys")["names"]}


def test_blobs_of_the_sdk_are_restored_by_kvfs_and_blobs_of_kvfs_by_the_sdk(hsm, client, tmp_path):
    at(hsm, client, "first")
    said = describe(client)
    (tmp_path / "keys").mkdir()
    for name in said:
        (tmp_path / f"keys/{name}.blob").write_bytes(client.backup("keys", name))
    ca, url = hsm.ready["ca"], hsm.ready["vaults"]["second"]
    with mounted(url, tmp_path / "in", ca, "hsm", env=client.env) as log:
        done = subprocess.run(["cp", "-r", tmp_path / "keys", tmp_path / "in/restore"], check=False,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr + log.read_text()
    at(hsm, client, "second")
    assert describe(client) == said
    with mounted(url, tmp_path / "out", ca, "hsm", "ro", env=client.env):
        blobs = {p.name.removesuffix(".blob"): p.read_bytes() for p in (tmp_path / "out/keys").iterdir()}
    for name in blobs:
        client.delete(kind="keys", name=name)
        client.purge(kind="keys", name=name)
        assert client.restore("keys", blobs[name]) == name
    assert describe(client) == said


def test_what_is_deleted_is_recovered(hsm, client):
    at(hsm, client, "first")
    said = describe(client)
    client.delete(kind="keys", name="curve")
    assert client.deleted(kind="keys")["names"] == ["curve"]
    client.recover(kind="keys", name="curve")
    assert describe(client) == said


def test_a_name_in_use_and_rubbish_are_refused(hsm, client):
    at(hsm, client, "first")
    for data, status in ((client.backup("keys", "rsa"), 409), (b"rubbish" * 100, 400)):
        with pytest.raises(Refused) as refused:
            client.restore("keys", data)
        assert refused.value.status == status, refused.value
