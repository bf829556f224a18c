"""
Microsoft's own Python SDK, as Debian packages it, uses the local vault without a patch: it lists,
backs up, deletes, purges and restores an object of each type.

Python's resolver does not know *.localhost, so the client runs in a mount namespace with a hosts
file of its own; everything else (challenge, authority, CA) is as in production.
"""

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import pytest

PYTHON = "/usr/bin/python3"  # the one that has Debian's python3-azure


# Name of the refusal: status, code, inner code, a part of the message.
REFUSALS = {
    "rbac": [403, "Forbidden", "ForbiddenByRbac", "Action: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'\r\n"],
    "policy": [403, "Forbidden", "ForbiddenByPolicy", "does not have secrets list permission on key vault"],
    "firewall": [403, "Forbidden", "ForbiddenByFirewall", "Client address: 127.0.0.1\r\n"],
    "connection": [403, "Forbidden", "ForbiddenByConnection", "Public network access is disabled"],
    "throttled": [429, "Throttled", None, "VaultRequestTypeLimitReached"],
    "foreign-blob": [400, "Malformed backup blob", None, "Cannot decrypt backup blob."],
}


def rotation_policies(keys, name):
    """The policy that a key has at first, and one that is set."""
    from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction

    def described(policy):
        actions = [[str(a.action).rpartition(".")[2].lower(), a.time_after_create, a.time_before_expiry]
                   for a in policy.lifetime_actions]
        return {"id": policy.id, "expires_in": policy.expires_in, "actions": sorted(actions, key=str),
                "is_dated": policy.created_on is not None}

    first = described(keys.get_key_rotation_policy(name))
    rotate = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P90D")
    keys.update_key_rotation_policy(name, KeyRotationPolicy(), lifetime_actions=[rotate], expires_in="P1Y")
    return {"first": first, "set": described(keys.get_key_rotation_policy(name))}


def bring_your_own_key(keys, credential):
    """A package that kvfs made is imported by the SDK, and the key signs what the original verifies."""
    import hashlib

    from azure.keyvault.keys import JsonWebKey
    from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

    kvfs = os.environ.get("KVFS") or os.path.join(os.path.dirname(__file__), "../../build/kvfs")
    kek = keys.create_rsa_key("SdkKek", size=2048, hardware_protected=True, key_operations=["import"])
    found = {"kek": [kek.key_type, list(kek.key_operations)]}

    def number(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    with tempfile.TemporaryDirectory() as folder:
        def path(name):
            return os.path.join(folder, name)

        with open(path("kek.json"), "w") as f:
            json.dump({"key": {"kid": kek.id, "kty": "RSA-HSM", "key_ops": ["import"], "n": number(kek.key.n),
                               "e": number(kek.key.e)}}, f)
        for kind, how in (("RSA-HSM", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                          ("EC-HSM", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            subprocess.run(["openssl", "genpkey", "-algorithm", *how, "-out", path(f"{kind}.pem")], check=True,
                           capture_output=True)
            subprocess.run([kvfs, "byok", "wrap", "--kek", path("kek.json"), "--key", path(f"{kind}.pem"), "-o",
                            path(f"{kind}.byok")], check=True, capture_output=True)
            with open(path(f"{kind}.byok"), "rb") as f:
                package = f.read()
            more = {"crv": "P-256"} if kind == "EC-HSM" else {}
            ops = ["sign", "verify"]
            imported = keys.import_key(f"Sdk{kind}", JsonWebKey(kty=kind, key_ops=ops, t=package, **more),
                                       hardware_protected=True)
            with open(path(f"{kind}.pem"), "rb") as f:
                original = serialization.load_pem_private_key(f.read(), None).public_key()
            digest = hashlib.sha256(b"a message").digest()
            algorithm = SignatureAlgorithm.rs256 if kind == "RSA-HSM" else SignatureAlgorithm.es256
            client = CryptographyClient(imported, credential)
            signature = client.sign(algorithm, digest).signature
            prehashed = utils.Prehashed(hashes.SHA256())
            if kind == "RSA-HSM":
                original.verify(signature, digest, padding.PKCS1v15(), prehashed)
            else:
                pair = [int.from_bytes(signature[i:i + 32], "big") for i in (0, 32)]
                original.verify(utils.encode_dss_signature(*pair), digest, ec.ECDSA(prehashed))
            found[kind] = [imported.key_type, sorted(imported.key_operations),
                           client.verify(algorithm, digest, signature).is_valid]
    return found


def client(ready_line, secret):
    """Runs in the namespace: prints one JSON object of what it saw."""
    from azure.core.exceptions import HttpResponseError, ResourceExistsError
    from azure.identity import ClientSecretCredential
    from azure.keyvault.certificates import CertificateClient, CertificatePolicy
    from azure.keyvault.keys import KeyClient
    from azure.keyvault.secrets import SecretClient

    ready = json.loads(ready_line)
    url = ready["vaults"]["sdkvault"]
    credential = ClientSecretCredential(
        ready["tenant"],
        ready["client_id"],
        secret,
        authority=ready["authority"],
        instance_discovery=False,
    )
    keys = KeyClient(url, credential)
    secrets = SecretClient(url, credential, retry_total=0)
    certificates = CertificateClient(url, credential)

    keys.create_rsa_key("SdkKey", size=2048, tags={"a": "b"})
    keys.create_ec_key("SdkKey", curve="P-256")
    rotation = rotation_policies(keys, "SdkKey")
    byok = bring_your_own_key(keys, credential)
    secrets.set_secret("SdkSecret", "one", content_type="text/plain")
    secrets.set_secret("SdkSecret", "two")
    certificates.begin_create_certificate(
        "SdkCertificate", CertificatePolicy.get_default()
    ).result()

    def cycle(c, kind, name, listing, versions, get, describe):
        names = [p.name for p in listing()]
        before = [describe(get(name, v.version)) for v in versions(name)]
        blob = getattr(c, f"backup_{kind}")(name)
        try:
            getattr(c, f"restore_{kind}_backup")(blob)
            conflict = None
        except ResourceExistsError as e:
            conflict = e.status_code
        getattr(c, f"begin_delete_{kind}")(name).wait()
        deleted = getattr(c, f"get_deleted_{kind}")(name).name
        getattr(c, f"purge_deleted_{kind}")(name)
        for _ in range(50):  # the purge takes effect late
            try:
                restored = getattr(c, f"restore_{kind}_backup")(blob)
                break
            except ResourceExistsError:
                time.sleep(0.1)
        after = [describe(get(name, v.version)) for v in versions(name)]
        try:
            getattr(c, f"restore_{kind}_backup")(b"no blob at all")
            refused = None
        except HttpResponseError as e:
            refused = e.status_code
        return {
            "listed": names,
            "size": len(blob),
            "start": blob[:12].decode(),
            "conflict": conflict,
            "deleted": deleted,
            "restored": restored.name,
            "before": before,
            "after": after,
            "refused": refused,
        }

    def refusal(name):
        """The error that the SDK reads in an answer of the table of refusals."""
        local("POST", "faults", {"operation": "list", "refusal": name, "count": 1})
        try:
            list(secrets.list_properties_of_secrets())
        except HttpResponseError as e:
            inner = (getattr(e.error, "innererror", None) or {}) if e.error else {}
            return [e.status_code, e.error.code if e.error else None, inner.get("code"), e.message]
        return None

    def local(method, path, body):
        request = urllib.request.Request(
            f"{ready['authority'].rstrip('/')}/_local/{path}", json.dumps(body).encode(), method=method
        )
        context = ssl.create_default_context(cafile=ready["ca"])
        urllib.request.urlopen(request, context=context).close()

    def facts(p):
        return [p.version, p.enabled, str(p.created_on), str(p.updated_on), p.tags]

    print(
        json.dumps(
            {
                "rotation": rotation,
                "byok": byok,
                "keys": cycle(
                    keys,
                    "key",
                    "SdkKey",
                    keys.list_properties_of_keys,
                    keys.list_properties_of_key_versions,
                    keys.get_key,
                    lambda k: facts(k.properties) + [k.key_type, str(vars(k.key))],
                ),
                "secrets": cycle(
                    secrets,
                    "secret",
                    "SdkSecret",
                    secrets.list_properties_of_secrets,
                    secrets.list_properties_of_secret_versions,
                    secrets.get_secret,
                    lambda s: facts(s.properties) + [s.value, s.properties.content_type],
                ),
                "certificates": cycle(
                    certificates,
                    "certificate",
                    "SdkCertificate",
                    certificates.list_properties_of_certificates,
                    certificates.list_properties_of_certificate_versions,
                    certificates.get_certificate_version,
                    lambda x: facts(x.properties) + [x.cer.hex(), x.key_id, x.secret_id],
                ),
                "refusals": {name: refusal(name) for name in REFUSALS},
            }
        )
    )


@pytest.fixture(scope="module")
def seen():
    from local_vault import OWN_MOUNTS, LocalVault

    if os.geteuid() != 0:
        pytest.skip("a private /etc/hosts needs root")
    if subprocess.run([OWN_MOUNTS, "true"], capture_output=True).returncode != 0:
        pytest.skip("a private /etc/hosts needs a root that is a mount, which a plain chroot has not")
    check = "import azure.identity, azure.keyvault.keys, azure.keyvault.certificates"
    if subprocess.run([PYTHON, "-c", check], capture_output=True).returncode != 0:
        pytest.skip("Debian's python3-azure is not installed")
    with LocalVault("--vault", "sdkvault", "--lag", "300") as vault:
        with tempfile.NamedTemporaryFile("w", suffix=".hosts") as hosts:
            hosts.write("127.0.0.1 localhost vault.localhost sdkvault.vault.localhost\n")
            hosts.flush()
            script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
            done = subprocess.run(
                [OWN_MOUNTS, "sh", "-c", script, "sh", hosts.name]
                + [PYTHON, __file__, json.dumps(vault.ready), vault.secret],
                env={**os.environ, "REQUESTS_CA_BUNDLE": vault.ready["ca"]},
                capture_output=True,
                text=True,
                timeout=120,
            )
        assert done.returncode == 0, done.stderr[-4000:]
        stats = vault.local("GET", "stats")
    assert vault.status == 0
    return {**json.loads(done.stdout), "stats": stats}


NAMES = {"keys": "SdkKey", "secrets": "SdkSecret", "certificates": "SdkCertificate"}


@pytest.mark.parametrize("kind", NAMES)
def test_an_object_is_listed_backed_up_deleted_purged_and_restored(seen, kind):
    got, name = seen[kind], NAMES[kind]
    assert name in got["listed"]
    assert got["deleted"] == name and got["restored"] == name
    magic = ")AzureKeyVau" if kind == "secrets" else "&AzureKeyVau"
    assert got["start"] == magic and got["size"] > 2000


@pytest.mark.parametrize("kind", NAMES)
def test_every_version_survives_a_restore(seen, kind):
    got = seen[kind]
    assert len(got["before"]) == (1 if kind == "certificates" else 2)
    assert got["before"] == got["after"]


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_in_use_and_garbage_are_told_apart(seen, kind):
    assert seen[kind]["conflict"] == 409
    assert seen[kind]["refused"] == 400


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_read_by_the_sdk_with_its_codes_and_words(seen, name):
    status, code, inner, message = seen["refusals"][name]
    assert [status, code, inner] == REFUSALS[name][:3]
    assert REFUSALS[name][3] in message


def test_a_rotation_policy_is_read_and_set(seen):
    notify, rotate = ["notify", None, "P30D"], ["rotate", "P90D", None]
    first, later = seen["rotation"]["first"], seen["rotation"]["set"]
    assert (first["id"], first["actions"], first["is_dated"]) == (None, [notify], False)
    assert later["id"].endswith("/keys/SdkKey/rotationpolicy") and later["is_dated"]
    assert (later["actions"], later["expires_in"]) == ([notify, rotate], "P1Y")


def test_the_sdk_imports_a_package_that_kvfs_made_and_the_key_signs(seen):
    assert seen["byok"]["kek"] == ["RSA-HSM", ["import"]]
    assert seen["byok"]["RSA-HSM"] == ["RSA-HSM", ["sign", "verify"], True]
    assert seen["byok"]["EC-HSM"] == ["EC-HSM", ["sign", "verify"], True]


def test_the_counters_know_of_every_backup(seen):
    backups = seen["stats"]["backups"]
    assert backups == {f"{kind}/{name}": 1 for kind, name in NAMES.items()}


if __name__ == "__main__":
    client(sys.argv[1], sys.argv[2])
