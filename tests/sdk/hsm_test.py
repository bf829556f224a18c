"""
The local vault as a Managed HSM, beyond what recordings show: the Python SDK uses it, and the
switches make it behave in ways that are rare or that no recording holds.
"""

import json
import os
import subprocess
import sys
import tempfile

import pytest

from local_vault import OWN_MOUNTS, LocalVault

PYTHON = "/usr/bin/python3"  # the one that has Debian's python3-azure
HOST = "hsm.managedhsm.localhost"


class Hsm(LocalVault):
    def __init__(self, *options):
        super().__init__("--hsm", "--vault", "hsm", *options)

    def ask(self, method, target, body=None):
        if not hasattr(self, "bearer"):
            _, headers, _ = self.call("GET", "/keys?api-version=7.6", None, HOST)
            self.bearer = self.token(headers["WWW-Authenticate"].split('resource="')[1].rstrip('"'))
        data = None if body is None else json.dumps(body)
        status, headers, text = self.call(method, target, data, HOST, {"Authorization": f"Bearer {self.bearer}"})
        return status, headers, json.loads(text or "{}")

    def create(self, name, **more):
        body = {"kty": "EC", "crv": "P-256", **more}
        status, _, answer = self.ask("POST", f"/keys/{name}/create?api-version=2026-04-01", body)
        assert status == 200, answer

    def names(self, api="7.6"):
        return [item["kid"].split("/")[4] for item in self.ask("GET", f"/keys?api-version={api}")[2]["value"]]


@pytest.mark.parametrize("strict", [False, True])
def test_a_link_without_an_api_version_is_refused_only_with_strict_links(strict):
    with Hsm(*["--strict-links"] * strict) as hsm:
        hsm.create("b")
        hsm.create("a")
        status, _, page = hsm.ask("GET", "/keys?maxresults=1&api-version=7.6")
        assert status == 200 and [i["kid"].split("/")[4] for i in page["value"]] == ["b"]
        bare = "/keys?" + page["nextLink"].partition("?")[2]
        assert hsm.ask("GET", bare)[0] == (400 if strict else 200)
        status, _, page = hsm.ask("GET", bare + "&api-version=7.6")
        assert status == 200 and "nextLink" not in page
    assert hsm.status == 0


def test_an_external_key_is_told_from_others_only_by_new_versions_of_the_api():
    with Hsm() as hsm:
        hsm.create("far", kty="oct-HSM", attributes={"external_key": {"id": "there"}})
        shown = {}
        for api in ("7.6", "2026-01-01-preview", "2026-04-01"):
            item = hsm.ask("GET", f"/keys?api-version={api}")[2]["value"][0]
            shown[api] = item["attributes"].get("external_key")
        assert shown == {"7.6": None, "2026-01-01-preview": {"id": "there"}, "2026-04-01": {"id": "there"}}


def test_a_version_of_the_api_that_is_too_new_is_refused():
    with Hsm("--newest-api", "7.6") as hsm:
        status, headers, answer = hsm.ask("GET", "/keys?api-version=2026-04-01")
        assert status == 400 and answer["error"]["code"] == "BadParameter"
        activity = headers["x-ms-request-id"]
        assert answer["error"]["message"] == (
            "The specified version (2026-04-01) is not recognized. Consider using the latest supported version "
            f"(7.6). (Activity ID: {activity})"
        )


def test_lists_are_behind_and_versions_are_not():
    with Hsm() as hsm:
        hsm.create("old")
        hsm.create("gone")
        hsm.local("POST", "config", {"list_lag_ms": 3600000})
        hsm.create("new")
        assert hsm.ask("DELETE", "/keys/gone?api-version=7.6")[0] == 200
        assert hsm.names() == ["old", "gone"]
        assert hsm.ask("GET", "/keys/new/versions?api-version=7.6")[0] == 200
        assert hsm.ask("GET", "/keys/gone/versions?api-version=7.6")[0] == 404
        hsm.local("POST", "config", {"list_lag_ms": 0})
        assert hsm.names() == ["old", "new"]


def client(ready_line, secret):
    """Runs in the namespace: prints one JSON object of what Microsoft's SDK saw."""
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ClientSecretCredential
    from azure.keyvault.keys import KeyClient

    ready = json.loads(ready_line)
    credential = ClientSecretCredential(
        ready["tenant"], ready["client_id"], secret, authority=ready["authority"], instance_discovery=False
    )
    keys = KeyClient(ready["vaults"]["hsm"], credential)
    seen = {"kty": keys.create_key("zz", "RSA-HSM").key_type}
    keys.create_ec_key("aa", hardware_protected=True)
    keys.create_ec_key("aa", hardware_protected=True)
    seen["listed"] = [p.name for p in keys.list_properties_of_keys(max_page_size=1)]
    seen["versions"] = [p.version for p in keys.list_properties_of_key_versions("aa", max_page_size=1)]
    seen["current"] = keys.get_key("aa").properties.version
    blob = keys.backup_key("aa")
    seen["blob"] = blob[:3].decode()
    keys.begin_delete_key("aa").wait()
    seen["deleted"] = [k.name for k in keys.list_deleted_keys()]
    keys.begin_recover_deleted_key("aa").wait()
    keys.begin_delete_key("aa").wait()
    keys.purge_deleted_key("aa")
    seen["restored"] = keys.restore_key_backup(blob).properties.version
    try:
        keys.restore_key_backup(b"rubbish")
    except HttpResponseError as e:
        seen["refused"] = [e.status_code, e.error.code, e.message.partition(" (Activity")[0].split(") ")[-1]]
    print(json.dumps(seen))


def test_the_sdk_uses_the_managed_hsm_as_it_is():
    if os.geteuid() != 0:
        pytest.skip("a private /etc/hosts needs root")
    if subprocess.run([OWN_MOUNTS, "true"], capture_output=True).returncode != 0:
        pytest.skip("a private /etc/hosts needs a root that is a mount, which a plain chroot has not")
    if subprocess.run([PYTHON, "-c", "import azure.identity, azure.keyvault.keys"], capture_output=True).returncode:
        pytest.skip("Debian's python3-azure is not installed")
    with Hsm() as hsm, tempfile.NamedTemporaryFile("w", suffix=".hosts") as hosts:
        hosts.write(f"127.0.0.1 localhost {HOST}\n")
        hosts.flush()
        script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
        done = subprocess.run(
            [OWN_MOUNTS, "sh", "-c", script, "sh", hosts.name]
            + [PYTHON, __file__, json.dumps(hsm.ready), hsm.secret],
            env={**os.environ, "REQUESTS_CA_BUNDLE": hsm.ready["ca"]},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout)
    assert seen["kty"] == "RSA-HSM" and seen["blob"] == "eyJ"
    assert seen["listed"] == ["zz", "aa"], "by creation"
    assert seen["versions"][-1] == seen["current"] == seen["restored"] and len(seen["versions"]) == 2
    assert seen["deleted"] == ["aa"]
    assert seen["refused"][:2] == [400, "MalformedBackupBlob"]


if __name__ == "__main__":
    client(sys.argv[1], sys.argv[2])
