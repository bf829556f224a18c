"""The az CLI as Microsoft ships it, signed in to the local vault's token service: kvfs and the SDKs use its account.

tests/interop/run calls this with AZ, the program, AZ_READY, the local vault's ready line, and AZ_DRIVERS, a folder with
the command of each SDK's driver.
"""
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import time

import pytest

READY = json.loads(os.environ["AZ_READY"])
KVFS = os.environ["KVFS"]


def run(*argv, env):
    return subprocess.run([str(a) for a in argv], env=env, capture_output=True, text=True, timeout=120, check=False)


def done(*argv, env):
    result = run(*argv, env=env)
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


@pytest.fixture
def az(tmp_path):
    """The environment of a user who has az and no other credential."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "SSL_CERT", "CURL_CA", "KVFS_"))}
    program = pathlib.Path(os.environ["AZ"])
    return {**env, "PATH": f"{program.parent}:{env['PATH']}", "HOME": str(tmp_path), "REQUESTS_CA_BUNDLE": READY["ca"],
            "AZURE_CONFIG_DIR": str(tmp_path / "azure"), "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false", "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:9"}


def sign_in(env):
    authority = READY["authority"]
    done("az", "cloud", "register", "--name", "local", "--skip-endpoint-discovery",
         "--endpoint-resource-manager", authority, "--endpoint-active-directory", authority,
         "--endpoint-active-directory-resource-id", "https://management.azure.com/",
         "--endpoint-active-directory-graph-resource-id", f"{authority}/", "--endpoint-management", authority,
         "--suffix-keyvault-dns", f".vault.localhost:{READY['port']}", env=env)
    done("az", "cloud", "set", "--name", "local", env=env)
    secret = pathlib.Path(READY["client_secret_file"]).read_text().strip()
    done("az", "login", "--service-principal", "-u", READY["client_id"], f"--password={secret}", "--tenant", READY["tenant"],
         "--allow-no-subscriptions", env=env)


@pytest.fixture
def point(tmp_path):
    path = tmp_path / "point"
    path.mkdir()
    yield path
    subprocess.run(["fusermount3", "-uz", str(path)], capture_output=True, check=False)


@pytest.mark.parametrize("options", [[], ["-o", "auth=cli"]])
def test_who_has_only_az_mounts_with_its_account(az, point, options):
    sign_in(az)
    done(KVFS, *options, READY["vaults"]["first"], point, env=az)
    assert sorted(os.listdir(point)) == ["certificates", "keys", "restore", "secrets"]
    done("fusermount3", "-u", point, env=az)


def test_who_has_not_signed_in_is_told_to(az, point):
    result = run(KVFS, READY["vaults"]["first"], point, env=az)
    assert result.returncode == 1 and not os.listdir(point)
    assert "az CLI: " in result.stderr and "az login" in result.stderr, result.stderr


# ---- the commands of Microsoft's page about backups

MAKE = {
    "key": ["key", "create", "--kty", "EC", "--curve", "P-256"],
    "secret": ["secret", "set", "--value", "geheim"],
    "certificate": ["certificate", "create"],
}
FACTS = {"key": "key.x", "secret": "value", "certificate": "cer"}


def keyvault(env, *argv):
    return done("az", "keyvault", *argv, env=env)


def fact(env, kind, name, vault):
    return keyvault(env, kind, "show", "--name", name, "--vault-name", vault, "--query", FACTS[kind], "-o", "tsv")


def until(command, seconds=60):
    """A deletion and a purge take effect late."""
    end = time.monotonic() + seconds
    while True:
        try:
            return command()
        except AssertionError:
            assert time.monotonic() < end
            time.sleep(0.1)


@contextlib.contextmanager
def mounted(env, vault, point):
    done(KVFS, READY["vaults"][vault], point, env=env)
    yield
    done("fusermount3", "-u", point, env=env)


@pytest.mark.parametrize("kind", MAKE)
def test_az_and_kvfs_restore_each_other_s_blobs(az, point, tmp_path, kind):
    sign_in(az)
    name, blob = f"az-{kind}", tmp_path / "a.blob"
    more = []
    if kind == "certificate":
        (tmp_path / "policy").write_text(keyvault(az, "certificate", "get-default-policy"))
        more = ["--policy", f"@{tmp_path}/policy"]
    keyvault(az, *MAKE[kind], "--name", name, "--vault-name", "first", *more)
    said = fact(az, kind, name, "first")
    blob.write_text("an older file, which az overwrites without a question")
    keyvault(az, kind, "backup", "--file", blob, "--name", name, "--vault-name", "first")
    with mounted(az, "second", point):
        shutil.copy(blob, point / f"restore/{kind}s/{name}.blob")
    assert fact(az, kind, name, "second") == said

    with mounted(az, "first", point):
        shutil.copy(point / f"{kind}s/{name}.blob", tmp_path / "k.blob")
    keyvault(az, kind, "delete", "--name", name, "--vault-name", "second")
    until(lambda: keyvault(az, kind, "purge", "--name", name, "--vault-name", "second"))
    until(lambda: keyvault(az, kind, "restore", "--file", tmp_path / "k.blob", "--vault-name", "second"))
    assert fact(az, kind, name, "second") == said


@pytest.mark.parametrize("sdk", sorted(p.suffix[1:] for p in pathlib.Path(os.environ["AZ_DRIVERS"]).glob("driver.*")))
def test_the_sdk_takes_the_account_of_az(az, tmp_path, sdk):
    sign_in(az)
    command = (pathlib.Path(os.environ["AZ_DRIVERS"]) / f"driver.{sdk}").read_text()
    requests = [{"op": "open", "url": READY["vaults"]["first"], "credential_of": {"kind": "cli"}, "only": ["secrets"]},
                {"op": "token", "resource": READY["vaults"]["first"].replace("first.", "")}]
    answer = subprocess.run(shlex.split(command), env=az, input="".join(json.dumps(r) + "\n" for r in requests),
                            capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(answer.stdout.splitlines()[-1])["ok"].startswith("eyJ"), answer.stdout + answer.stderr


@pytest.mark.parametrize("kind,how,more", [
    ("RSA", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], []),
    ("EC", ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], ["--kty", "EC", "--curve", "P-384"])])
def test_az_makes_the_kek_and_imports_what_kvfs_wrapped(az, tmp_path, kind, how, more):
    """The other way round than docs/byok.md: only the package in between is kvfs's."""
    sign_in(az)
    kek = json.loads(done("az", "keyvault", "key", "create", "--vault-name", "first", "--name", f"AzKek{kind}",
                          "--kty", "RSA-HSM", "--size", "2048", "--ops", "import", env=az))["key"]
    pem, key, package = (tmp_path / f for f in ("kek.pem", "key.pem", "key.byok"))
    done("az", "keyvault", "key", "download", "--vault-name", "first", "--name", f"AzKek{kind}", "--file", pem, env=az)
    done("openssl", "genpkey", "-algorithm", *how, "-out", key, env=az)
    done(KVFS, "byok", "wrap", "--kek", pem, "--kid", kek["kid"], "--key", key, "-o", package, env=az)
    done("az", "keyvault", "key", "import", "--vault-name", "first", "--name", f"AzMine{kind}", "--byok-file", package,
         "--ops", "sign", "verify", *more, env=az)
    arrived = tmp_path / "arrived.pem"
    done("az", "keyvault", "key", "download", "--vault-name", "first", "--name", f"AzMine{kind}", "--file", arrived, env=az)
    assert arrived.read_text().split() == done("openssl", "pkey", "-in", key, "-pubout", env=az).split()
