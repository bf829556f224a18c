"""What the real service answered, played to kvfs: the bodies as they are, but for the host's name."""
import base64
import json
import os
import pathlib
import re

import pytest

from fakeserver import FakeServer
from harness import Mount, errno_of, ok, run

FOLDER = pathlib.Path(os.environ.get("KVFS_RECORDINGS",
                                     pathlib.Path(__file__).resolve().parents[2] / "../shared/recordings"))

if not FOLDER.is_dir():
    pytest.skip(f"there are no recordings in {FOLDER.resolve()}", allow_module_level=True)


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def pages(calls, path):
    """The first listing of path, by query; the first page by no token."""
    found = {}
    for call in calls:
        if call["method"] == "GET" and call["path"] == path and call["status"] == 200:
            token = call["query"].partition("$skiptoken=")[2].partition("&")[0]
            found.setdefault(token, call)
    return found


def names(found, kind):
    """Those of a listing that are not managed, in the service's spelling."""
    items = [i for call in found.values() for i in json.loads(call["body"])["value"]]
    ids = [i.get("kid") or i["id"] for i in items if not i.get("managed")]
    return {f"{kind}/{i.split('/')[4]}.blob" for i in ids}


@pytest.fixture
def player(tmp_path, watchdog):
    """A mount of a server that plays answers: (method, path) to a function of the $skiptoken."""
    ended = []

    def play(routes, options="types=keys:secrets"):
        def answer(method, path, headers, body):
            route, _, query = path.partition("?")
            if "Authorization" not in headers:
                return 401, {"WWW-Authenticate": f'Bearer authorization="https://login.windows.net/common", '
                                                 f'resource="https://localhost:{server.port}"'}, b""
            call = routes[method, route](query.partition("$skiptoken=")[2].partition("&")[0])
            content = call["body"].replace("recorded.vault.azure.net:443", server.host)
            for host in ("recorded.vault.azure.net", "recorded.managedhsm.azure.net"):
                content = content.replace(host, server.host)
            keep = ("content-type", "x-ms-request-id", "x-ms-keyvault-region", "x-ms-keyvault-service-version",
                    "retry-after")
            return call["status"], {k: v for k, v in call["headers"].items() if k in keep}, content.encode()

        server = FakeServer(tmp_path, answer)
        token = tmp_path / "token"
        token.write_text("t0ken")
        token.chmod(0o600)
        m = Mount(tmp_path / "mount", ["-o", f"cacert={server.ca},token_file={token},{options}", server.url],
                  {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
        watchdog.processes.append(m.process)
        ended.append((server, m))
        return m.wait_until_mounted(), server

    yield play
    for server, m in ended:
        m.unmount()
        server.__exit__()


def test_the_service_s_lists_and_its_blob_are_taken_as_they_are(player, tmp_path):
    keys = pages(recorded("list-keys"), "/keys")
    secrets = pages(recorded("list-secrets"), "/secrets")
    life = recorded("key-backup-delete-purge-restore")
    backup = next(c for c in life if c["path"] == "/keys/javaKey/backup" and c["status"] == 200)
    restored = next(c for c in life if c["path"] == "/keys/restore")
    m, server = player({("GET", "/keys"): lambda token: keys[token], ("GET", "/secrets"): lambda token: secrets[token],
                        ("POST", "/keys/javaKey/backup"): lambda token: backup,
                        ("POST", "/keys/restore"): lambda token: restored})
    shown = {f"{kind}/{name}" for kind in ("keys", "secrets") for name in os.listdir(m / kind)}
    assert shown == names(keys, "keys") | names(secrets, "secrets") and len(shown) > 10
    assert len([r for r in server.requests if r[1].startswith("/keys?") and "Authorization" in r[2]]) == len(keys)

    ok("cp", m / "keys/javaKey.blob", tmp_path / "copy.blob")
    blob = (tmp_path / "copy.blob").read_bytes()
    assert len(blob) == 16885 and blob.startswith(b"&AzureKeyVaultKeyBackupV1.microsoft.comeyJ")

    ok("cp", tmp_path / "copy.blob", m / "restore/keys/javaKey.blob")
    sent = [r[3] for r in server.requests if r[1].startswith("/keys/restore")]
    assert [json.loads(body) for body in sent] == [json.loads(backup["body"])]


def test_the_service_s_refusals_are_told_apart(player):
    gone = next(c for c in recorded("key-life") if c["status"] == 404)
    disabled = next(c for c in recorded("secret-disabled") if c["status"] == 403)
    keys = pages(recorded("list-keys"), "/keys")
    secrets = pages(recorded("list-secrets"), "/secrets")
    m, _ = player({("GET", "/keys"): lambda token: keys[token], ("GET", "/secrets"): lambda token: secrets[token],
                   ("GET", "/keys/nothing/versions"): lambda token: gone,
                   ("POST", "/secrets/javaSecret/backup"): lambda token: disabled})
    assert errno_of("stat", m / "keys/nothing.blob") == "ENOENT"
    assert errno_of("open", m / "secrets/javaSecret.blob") == "EACCES"
    line = m.line(op="backup")
    assert line["code"] == "SecretDisabled" and line["request"] == disabled["headers"]["x-ms-request-id"]


def test_a_managed_hsm_s_list_and_its_blob_are_taken_as_they_are(player, tmp_path):
    keys = pages(recorded("hsm-key-list"), "/keys")
    life = recorded("hsm-backup-errors-2022")
    name = "livekvtestmultitenant-key1ae23267"  # of another recording than the blob, which shows no name
    backup = next(c for c in life if c["path"].endswith("/backup") and c["status"] == 200)
    restored = next(c for c in life if c["path"] == "/keys/restore" and c["status"] == 200)
    m, server = player({("GET", "/keys"): lambda token: keys[token],
                        ("POST", f"/keys/{name}/backup"): lambda token: backup,
                        ("POST", "/keys/restore"): lambda token: restored}, "hsm")
    listed = m.names("keys")
    created = [json.loads(c["body"])["value"] for c in keys.values()]
    assert listed == [i["kid"].rpartition("/")[2] + ".blob" for page in created for i in page] and len(listed) == 74
    asked = [r[1] for r in server.requests if r[1].startswith("/keys?") and "Authorization" in r[2]]
    assert len(asked) == 13 and all("api-version=2026-04-01" in path for path in asked)

    ok("cp", m / f"keys/{name}.blob", tmp_path / "copy.blob")
    assert len((tmp_path / "copy.blob").read_bytes()) == 16540
    ok("cp", tmp_path / "copy.blob", m / "restore/keys/key.blob")
    sent = [r[3] for r in server.requests if r[1].startswith("/keys/restore")]
    assert [json.loads(body) for body in sent] == [json.loads(backup["body"])]


def test_a_managed_hsm_s_refusals_have_their_sentence_and_the_activity_id(player, tmp_path):
    keys = pages(recorded("hsm-key-list"), "/keys")
    life = recorded("hsm-backup-errors-2022")
    backup = next(c for c in life if c["path"].endswith("/backup") and c["status"] == 200)
    refused = next(c for c in life if c["path"] == "/keys/restore" and c["status"] == 400)
    gone = next(c for c in life if c["path"].startswith("/keys/") and c["status"] == 404)
    id = re.search(r"Activity ID: ([0-9a-f-]+)", refused["body"]).group(1)
    refused = {**refused, "headers": {k: v for k, v in refused["headers"].items() if k != "x-ms-request-id"}}
    m, _ = player({("GET", "/keys"): lambda token: keys[token], ("GET", "/keys/gone/versions"): lambda token: gone,
                   ("POST", "/keys/restore"): lambda token: refused}, "hsm")
    assert errno_of("stat", m / "keys/gone.blob") == "ENOENT"
    value = json.loads(backup["body"])["value"]
    (tmp_path / "b.blob").write_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    assert run("cp", tmp_path / "b.blob", m / "restore/keys/b.blob").code == 1
    line = m.line(op="restore", errno="EINVAL")
    assert line["request"] == id and line["code"] == "MalformedBackupBlob"
    assert "damaged, or of a Managed HSM with another security domain" in line["why"]
