""".kvfs/vault.json: what no blob holds and a rebuilt vault needs."""
import json

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
