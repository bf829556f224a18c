"""NAME.json and NAME.pem: what the opaque blob does not show."""
import base64
import json
import os
import stat

import pytest

from fakeserver import FakeVault, secret_item
from harness import errno_of, eventually, fails, listed_again, ok, run

POLICY = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}],
          "attributes": {"expiryTime": "P1Y"}}


def name_of(m, kind):
    return m.names(kind)[0].removesuffix(".blob")


def test_a_key_s_json_has_its_public_key_its_versions_and_its_rotation_policy(vault, mount):
    vault.create_key("db", kty="RSA", tags={"team": "one"}, key_ops=["verify", "sign"])
    vault.create_key("db", kty="RSA", tags={"team": "two"})
    vault.call("PUT", "/keys/db/rotationpolicy", POLICY)
    m = mount(vault)
    about = json.loads(ok("cat", m / "keys/db.json"))
    bundle = vault.call("GET", "/keys/db")
    assert about["key"]["n"] == bundle["key"]["n"] and about["key"]["kid"] == bundle["key"]["kid"]
    assert about["attributes"] == bundle["attributes"] and about["tags"] == {"team": "two"}
    assert sorted(v["kid"] for v in about["versions"]) == sorted(v["kid"] for v in vault.pages("/keys/db/versions"))
    assert len(about["versions"]) == 2
    created = [v["attributes"]["created"] for v in about["versions"]]
    assert created == sorted(created, reverse=True)
    assert about["rotationPolicy"]["attributes"]["expiryTime"] == "P1Y"
    assert "notShown" not in about


def test_a_secret_s_json_is_made_without_asking_for_its_value(vault, mount):
    vault.set_secret("pw", value="hunter2", contentType="text/plain", tags={"value": "a tag"})
    vault.set_secret("pw", value="hunter3", contentType="text/plain", tags={"value": "a tag"})
    m = mount(vault, "list_extra")
    vault.reset()
    text = ok("cat", m / "secrets/pw.json")
    about = json.loads(text)
    assert "hunter" not in text and "value" not in about
    assert about["contentType"] == "text/plain" and about["tags"] == {"value": "a tag"}
    assert about["id"].split("/secrets/")[1].startswith("pw/") and len(about["versions"]) == 2
    ok("cp", "-r", m / "secrets", m.directory / "copy")
    assert vault.count("get") == 0, "a GET of a secret reveals its value"
    assert errno_of("stat", m / "secrets/pw.pem") == "ENOENT"


def test_a_certificate_s_json_has_policy_and_issuer(vault, mount):
    m = mount(vault)
    name = name_of(m, "certificates")
    about = json.loads(ok("cat", m / f"certificates/{name}.json"))
    bundle = vault.call("GET", f"/certificates/{name}")
    assert about["policy"] == bundle["policy"] and about["policy"]["issuer"]["name"] == "Self"
    assert about["x5t"] == bundle["x5t"] and about["cer"] == bundle["cer"]
    assert len(about["versions"]) == 2


@pytest.mark.parametrize("kty", ["RSA", "EC"])
def test_a_key_s_pem_is_read_by_openssl_and_is_the_key(vault, mount, kty):
    vault.create_key("db", kty=kty)
    m = mount(vault)
    pem = ok("cat", m / "keys/db.pem")
    text = ok("openssl", "pkey", "-pubin", "-in", m / "keys/db.pem", "-outform", "PEM")
    assert text == pem


def test_a_certificate_s_pem_is_the_certificate(vault, mount):
    m = mount(vault)
    name = name_of(m, "certificates")
    assert ok("openssl", "x509", "-in", m / f"certificates/{name}.pem") == ok("cat", m / f"certificates/{name}.pem")
    der = ok("openssl", "x509", "-in", m / f"certificates/{name}.pem", "-outform", "DER", text=False)
    assert base64.b64encode(der).decode() == vault.call("GET", f"/certificates/{name}")["cer"]


def test_siblings_are_found_by_name_and_listed_with_list_extra(vault, mount):
    m = mount(vault)
    name = name_of(m, "keys")
    assert all(n.endswith(".blob") for kind in ("keys", "secrets", "certificates") for n in m.names(kind))
    assert (m.path / f"keys/{name}.json").is_file() and (m.path / f"keys/{name}.pem").is_file()
    assert errno_of("stat", m / "keys/nothing.json") == "ENOENT"
    assert errno_of("stat", m / f"keys/{name}.txt") == "ENOENT"
    m.unmount()
    m = mount(vault, "list_extra")
    keys, secrets = m.names("keys"), m.names("secrets")
    assert sorted(keys) == sorted(f"{n}.{s}" for n in vault.list("keys") for s in ("blob", "json", "pem"))
    assert sorted(secrets) == sorted(f"{n}.{s}" for n in vault.list("secrets") for s in ("blob", "json"))
    assert sorted(os.listdir(m.path)) == ["certificates", "deleted", "keys", "restore", "secrets"]


def test_the_size_is_exact_at_stat_and_one_fetch_serves_stat_and_read(vault, mount):
    m = mount(vault)
    name = name_of(m, "keys")
    vault.reset()
    size = os.stat(m.path / f"keys/{name}.json").st_size
    assert size == len(ok("cat", m / f"keys/{name}.json", text=False)) > 200
    assert vault.count("get") == 1 and vault.count("versions") == 1 and vault.count("rotation-policy") == 1
    assert vault.count("backup") == 0


def test_after_a_remount_an_unchanged_object_s_sizes_cost_nothing(vault, mount):
    m = mount(vault, "list_extra")
    ok("rsync", "-a", f"{m.path}/keys/", m.directory / "copy/")
    m.unmount()
    again = mount(vault, "list_extra", again=m)
    vault.reset()
    out = ok("rsync", "-aO", "--itemize-changes", f"{again.path}/keys/", again.directory / "copy/")
    assert out == ""
    assert vault.count("get") == vault.count("rotation-policy") == vault.count("backup") == 0


def test_a_change_of_the_object_is_in_the_next_json(vault, mount):
    vault.create_key("db")
    m = mount(vault, "list_ttl=1")
    first = json.loads(ok("cat", m / "keys/db.json"))
    vault.create_key("db")

    def shown():
        result = run("cat", m / "keys/db.json")
        return result.code == 0 and len(json.loads(result.out)["versions"]) == 2

    listed_again(shown, "the new version")
    assert len(first["versions"]) == 1


def test_what_the_list_does_not_show_is_fresh_when_it_is_opened(vault, mount):
    """A rotation policy changes no list item."""
    vault.create_key("db")
    m = mount(vault, "list_ttl=1")
    assert json.loads(ok("cat", m / "keys/db.json"))["rotationPolicy"]["attributes"] == {}
    vault.call("PUT", "/keys/db/rotationpolicy", POLICY)

    def shown():
        # the size that the kernel was told may be the old one: then the open fails, rather than a cut text
        result = run("cat", m / "keys/db.json")
        return result.code == 0 and json.loads(result.out)["rotationPolicy"]["attributes"] != {}

    eventually(shown, "the new policy")


def test_a_refused_rotation_policy_is_named_and_the_rest_is_shown(vault, mount):
    vault.rights("keys=list,get,backup;secrets=*;certificates=*", deny="rbac")
    m = mount(vault)
    name = name_of(m, "keys")
    about = json.loads(ok("cat", m / f"keys/{name}.json"))
    assert about["rotationPolicy"] is None and about["notShown"] == {"rotationPolicy": "ForbiddenByRbac"}
    assert about["key"]["kty"] == "EC"


def test_a_refused_get_fails_the_open_and_not_the_stat(vault, mount):
    vault.rights("keys=list,backup;secrets=*;certificates=*", deny="rbac")
    m = mount(vault)
    name = name_of(m, "keys")
    os.stat(m.path / f"keys/{name}.json")
    assert errno_of("open", m / f"keys/{name}.json") == "EACCES"
    assert "keys/read" in m.line(op="get", object=f"keys/{name}", errno="EACCES")["why"]
    assert ok("cat", m / f"keys/{name}.blob", text=False)


def test_a_transient_failure_is_repeated_and_never_enoent(vault, mount):
    m = mount(vault, "timeout=5")
    name = name_of(m, "keys")
    vault.fault(operation="get", status=503, count=2)
    json.loads(ok("cat", m / f"keys/{name}.json"))
    other = m.names("keys")[1].removesuffix(".blob")
    vault.fault(operation="get", status=503)
    assert errno_of("open", m / f"keys/{other}.pem") not in (None, "ENOENT")
    vault.clear()
    ok("cat", m / f"keys/{other}.pem")


def test_an_object_that_was_deleted_is_enoent(vault, mount):
    vault.create_key("db")
    m = mount(vault)
    assert "db.blob" in m.names("keys")
    vault.delete("keys", "db")
    assert errno_of("open", m / "keys/db.pem") == "ENOENT"
    eventually(lambda: "db.blob" not in m.names("keys"), "the listing without it")


@pytest.mark.parametrize("name", ["contacts", "issuers"])
def test_a_certificate_whose_name_is_a_word_of_the_service_is_shown(vault, mount, name):
    vault.create_certificate(name)
    vault.call("PUT", "/certificates/contacts", {"contacts": [{"email": "admin@example.com"}]})
    m = mount(vault)
    version = vault.versions("certificates", name)[0]
    bundle = vault.call("GET", f"/certificates/{name}/{version}")
    assert json.loads(ok("cat", m / f"certificates/{name}.json"))["cer"] == bundle["cer"]
    assert ok("openssl", "x509", "-in", m / f"certificates/{name}.pem", "-noout", "-subject").strip().endswith(name)
    assert ok("cat", m / f"certificates/{name}.blob", text=False)


def test_a_key_without_a_public_part_has_no_pem(vaults, mount):
    hsm = vaults("first", options=["--hsm"])
    hsm.call("POST", "/keys/aes/create", {"kty": "oct-HSM", "key_size": 256})
    hsm.create_key("ec", kty="EC")
    m = mount(hsm, "list_extra")
    assert errno_of("open", m / "keys/aes.pem") == "ENOENT"
    assert json.loads(ok("cat", m / "keys/aes.json"))["key"]["kty"] == "oct-HSM"
    assert "BEGIN PUBLIC KEY" in ok("cat", m / "keys/ec.pem")
    # only a request for each key would tell which have one
    assert sorted(m.names("keys")) == ["aes.blob", "aes.json", "ec.blob", "ec.json"]


def test_an_archive_with_list_extra_is_whole(vault, mount, tmp_path):
    m = mount(vault, "list_extra")
    ok("tar", "-C", m.path, "--exclude=restore", "-cf", tmp_path / "a.tar", ".")
    (tmp_path / "out").mkdir()
    ok("tar", "-C", tmp_path / "out", "-xf", tmp_path / "a.tar")
    for kind in ("keys", "secrets", "certificates"):
        for name in vault.list(kind):
            json.loads((tmp_path / f"out/{kind}/{name}.json").read_text())


def test_siblings_cannot_be_written_or_removed(vault, mount):
    m = mount(vault)
    name = name_of(m, "keys")
    assert "ermission" in fails(shell=f"echo x >>{m.path}/keys/{name}.json").err
    assert errno_of("unlink", m / f"keys/{name}.pem") == "EACCES"
    assert stat.S_IMODE(os.stat(m.path / f"keys/{name}.json").st_mode) == 0o600


def test_an_answer_with_a_value_is_not_passed_on(vault, mount, tmp_path):
    """Whatever a server sends: members are chosen by name."""
    item = secret_item("one")
    version = {**item, "id": item["id"] + "/" + "1" * 32, "value": "hunter2"}

    def answer(method, path, headers, body):
        if "/versions" not in path:
            return None
        text = json.dumps({"value": [version], "nextLink": None}).replace("{host}", fake.host)
        return 200, {"Content-Type": "application/json"}, text.encode()

    fake = FakeVault(tmp_path, {"secrets": [item]}, answer=answer)
    with fake:
        m = mount(vault, f"cacert={fake.ca}", "ro", "types=secrets", url=fake.url, env=fake.environment())
        text = ok("cat", m / "secrets/one.json")
    assert "hunter2" not in text and len(json.loads(text)["versions"]) == 1
