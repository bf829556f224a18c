""".kvfs/vault.json: what no blob holds and a rebuilt vault needs."""
import json

import pytest

from between import gateway
from harness import errno_of, ok

POLICY = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}],
          "attributes": {"expiryTime": "P1Y"}}
CONTACTS = [{"email": "admin@example.com", "name": "An admin"}, {"email": "b@example.com", "phone": "123"}]
ISSUER = {"provider": "DigiCert", "credentials": {"account_id": "acme", "pwd": "hunter2"},
          "org_details": {"id": "1", "admin_details": [{"first_name": "A", "email": "a@example.com"}]}}


def vault_json(m):
    return json.loads(ok("cat", m / ".kvfs/vault.json"))


def test_contacts_issuers_and_rotation_policies_are_there(vault, mount):
    vault.call("PUT", "/certificates/contacts", {"contacts": CONTACTS})
    for name in ("DigiCert1", "GlobalSign"):
        vault.call("PUT", f"/certificates/issuers/{name}", ISSUER)
    vault.create_key("db")
    vault.call("PUT", "/keys/db/rotationpolicy", POLICY)
    m = mount(vault)
    text = ok("cat", m / ".kvfs/vault.json")
    facts = json.loads(text)
    assert facts["contacts"] == CONTACTS
    assert sorted(facts["issuers"]) == ["DigiCert1", "GlobalSign"]
    issuer = facts["issuers"]["DigiCert1"]
    assert issuer["provider"] == "DigiCert" and issuer["credentials"] == {"account_id": "acme"}
    assert issuer["org_details"]["admin_details"] == ISSUER["org_details"]["admin_details"]
    assert list(facts["rotationPolicies"]) == ["db"], "keys that were given no policy are left out"
    assert facts["rotationPolicies"]["db"]["attributes"]["expiryTime"] == "P1Y"
    assert "notShown" not in facts and "hunter2" not in text
    assert ok("cat", m / ".kvfs/vault.json") == text
    assert vault.count("backup") == 0


def test_a_vault_without_any_of_it_has_empty_ones(vault, mount):
    facts = vault_json(mount(vault))
    assert (facts["contacts"], facts["issuers"], facts["rotationPolicies"]) == ([], {}, {})
    assert facts["vault"]


def test_what_may_not_be_read_is_null_and_named(vault, mount):
    vault.create_key("db")
    vault.call("PUT", "/keys/db/rotationpolicy", POLICY)
    vault.rights("keys=list,backup;secrets=*;certificates=list,backup", deny="rbac")
    m = mount(vault)
    vault.reset()
    facts = vault_json(m)
    assert facts["contacts"] is facts["issuers"] is facts["rotationPolicies"] is None
    assert facts["notShown"] == dict.fromkeys(("contacts", "issuers", "rotationPolicies"), "ForbiddenByRbac")


def test_a_transient_failure_fails_the_open(vault, mount):
    m = mount(vault, "timeout=3")
    vault.fault(operation="rotation-policy", status=503)
    assert errno_of("open", m / ".kvfs/vault.json") not in ("0", "ENOENT")
    assert m.lines(op="rotation-policy")
    vault.clear()
    assert vault_json(m)["rotationPolicies"] == {}


def test_many_keys_and_pages_of_issuers(vaults, mount):
    vault = vaults("first", seed="keys=150")
    for name in vault.list("keys")[::3]:
        vault.call("PUT", f"/keys/{name}/rotationpolicy", POLICY)
    facts = vault_json(mount(vault))
    assert sorted(facts["rotationPolicies"]) == sorted(vault.list("keys")[::3])


def test_a_managed_hsm_has_only_rotation_policies(vaults, mount):
    hsm = vaults("first", seed="keys=2", options=["--hsm"])
    facts = vault_json(mount(hsm))
    assert "contacts" not in facts and "issuers" not in facts and facts["rotationPolicies"] == {}


NOT_FOUND = b'{"error":{"code":"NotFound","message":"no route"}}'
ERROR = b'{"error":{"code":"Throttled","message":"try later"}}'


@pytest.mark.parametrize("path", ["/certificates/contacts", "/certificates/issuers", "/certificates/issuers/Digi",
                                  "/keys/a/rotationpolicy"])
def test_what_is_not_the_answer_to_the_request_leaves_nothing_out(vault, mount, tmp_path, path):
    vault.call("PUT", "/certificates/contacts", {"contacts": CONTACTS})
    vault.call("PUT", "/certificates/issuers/Digi", ISSUER)
    for name in "ab":
        vault.create_key(name)
        vault.call("PUT", f"/keys/{name}/rotationpolicy", POLICY)
    mode = [None]

    def change(request, answer):
        if request.path.split("?")[0] != path or mode[0] is None:
            return answer
        if mode[0] == "of another":
            answer.body = answer.body.replace(b"/keys/a/", b"/keys/b/").replace(b"/Digi", b"/Other")
            answer.body = answer.body.replace(b"first.vault", b"twin.vault")
        else:
            answer.status, answer.body = mode[0]
        return answer

    with gateway(vault, tmp_path / "front", change) as g:
        m = mount(vault, url=g.url)
        whole = vault_json(m)
        assert list(whole["rotationPolicies"]) == ["a", "b"] and list(whole["issuers"]) == ["Digi"]
        for mode[0] in ((200, ERROR), (404, b"<html>no route</html>"), "of another"):
            assert errno_of("open", m / ".kvfs/vault.json") == "EBADMSG", mode[0]
        mode[0] = (404, NOT_FOUND)
        kind = {"Digi": "issuers", "rotationpolicy": "rotationPolicies"}.get(path.rsplit("/", 1)[1])
        name = {"issuers": "Digi", "rotationPolicies": "a"}.get(kind)
        if kind:
            assert vault_json(m) == {**whole, "notShown": {f"{kind}/{name}": "NotFound"},
                                     kind: {**whole[kind], name: None}}
        else:
            assert errno_of("open", m / ".kvfs/vault.json") == "EBADMSG"
        m.unmount()


def test_the_policy_of_another_key_is_not_in_the_file_of_a_key(vault, mount, tmp_path):
    for name in "ab":
        vault.create_key(name)
        vault.call("PUT", f"/keys/{name}/rotationpolicy", POLICY)

    def change(request, answer):
        if request.path.startswith("/keys/a/rotationpolicy"):
            answer.body = answer.body.replace(b"/keys/a/", b"/keys/b/")
        return answer

    with gateway(vault, tmp_path / "front", change) as g:
        m = mount(vault, url=g.url)
        assert errno_of("open", m / "keys/a.json") == "EBADMSG"
        assert "about b" in m.line(op="rotation-policy", object="keys/a", errno="EBADMSG")["why"]
        ok("cat", m / "keys/b.json")
        m.unmount()


def test_a_key_that_was_made_after_the_last_listing_is_there(vault, mount):
    m = mount(vault)
    m.names("keys")
    vault.create_key("fresh")
    vault.call("PUT", "/keys/fresh/rotationpolicy", POLICY)
    assert list(vault_json(m)["rotationPolicies"]) == ["fresh"]
