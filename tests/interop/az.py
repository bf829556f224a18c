"""The az CLI as Microsoft ships it, signed in to the local vault's token service: kvfs uses its account.

tests/interop/run calls this with AZ, the program, and AZ_READY, the local vault's ready line.
"""
import json
import os
import pathlib
import subprocess

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
         "--suffix-keyvault-dns", ".vault.localhost", env=env)
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
