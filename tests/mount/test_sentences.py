"""What users meet when the service refuses: one sentence that names the cause and what to do, at the start, at a read
and at a restore. The local vault answers in the service's own words (tests/vault/refusal.c, tests/vault/aadsts.c)."""
import email.utils
import re
import time

import pytest

from fakeserver import TENANT, FakeVault
from harness import errno_of, eventually, ok


def sentence(m):
    """What a start that fails says, on one line."""
    assert m.process.wait(60) == 1
    lines = m.process.err.splitlines()
    assert len(lines) == 1, lines
    assert "\r" not in m.process.err
    return lines[0]


def first(vault, kind="secrets"):
    return vault.list(kind)[0]


# At the start.

RIGHTS = {
    "rbac": ["ForbiddenByRbac", r"no role assignment permits Microsoft\.KeyVault/vaults/keys/read: ",
             r"assign a role with this action to the caller \(object id {client}\)", "-o types="],
    "policy": ["ForbiddenByPolicy", r"does not grant the caller \(object id {client}\) keys list permission: ",
               "az keyvault set-policy", "-o types="],
    "firewall": ["ForbiddenByFirewall", r"the network rules of {host}:\d+ refuse this machine",
                 "whose address it sees as 127.0.0.1: allow 127.0.0.1"],
    "connection": ["ForbiddenByConnection", "admits only private links", r"check that {host}:\d+ resolves to a private address"],
    "private-link": ["ForbiddenByConnection", "admits only private links"],
}


@pytest.mark.parametrize("deny", RIGHTS)
def test_a_start_that_is_forbidden_says_what_to_grant_or_to_allow(vault, mount, deny):
    vault.rights("", deny=deny)
    text = sentence(mount(vault, wait=False))
    for words in RIGHTS[deny]:
        words = words.format(client=vault.client_id, host=re.escape(vault.host()))
        assert re.search(words, text), f"{words!r} is not in {text!r}"


def test_a_start_that_is_forbidden_says_the_same_whichever_list_answers_first(vault, mount):
    vault.rights("", deny="rbac")
    vault.fault(operation="list", type="keys", action="delay", delay_ms=700)
    assert "Microsoft.KeyVault/vaults/keys/read" in sentence(mount(vault, wait=False))


def test_a_start_on_a_managed_hsm_names_the_action_of_its_local_role(vaults, mount):
    vault = vaults("first", seed="keys=1", options=["--hsm"])
    vault.rights("")
    text = sentence(mount(vault, "types=keys", wait=False))
    assert "AccessDenied" in text and "no local role of the Managed HSM permits " in text, text
    assert "Microsoft.KeyVault/managedHsm/keys/read/action on /keys: " in text, text
    assert "az keyvault role assignment create" in text, text


TOKENS = {
    "audience": ["it is for https://management.azure.com, and the vault expects https://vault", "AKV10022: Invalid audience"],
    "issuer": ["it is of another tenant", "66666666-7777-8888-9999-aaaaaaaaaaaa", "{tenant}", "AKV10032: Invalid issuer"],
    "expired": ["it has expired", "S2S12086"],
    "no-token": ["it did not arrive", "proxy", "AKV10000"],
}


@pytest.mark.parametrize("refusal", TOKENS)
def test_a_start_whose_token_is_refused_gives_the_vaults_reason(vault, mount, refusal):
    vault.fault(operation="list", refusal=refusal)
    text = sentence(mount(vault, wait=False))
    for words in ("refuses the token", *TOKENS[refusal]):
        assert words.format(tenant=vault.tenant) in text, text


NUMBERS = {
    "AADSTS7000215": "the client secret of application {client} is wrong: ",
    "AADSTS7000222": "the client secret of application {client} has expired: create a new one with az ad app credential reset --append",
    "AADSTS700016": "tenant {tenant} has no application {client}: check AZURE_CLIENT_ID",
    "AADSTS7000229": "no service principal in tenant {tenant}: create it with az ad sp create",
    "AADSTS7000112": "application {client} is disabled: ",
    "AADSTS90002": "there is no tenant {tenant} in this cloud: ",
    "AADSTS500011": "is not known in tenant {tenant}: ",
    "AADSTS53003": "Conditional Access does not allow this sign-in: ",
    "AADSTS700213": "has the token's subject",
    "AADSTS65001": "nobody has consented",
}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_start_that_the_token_service_refuses_says_what_to_do(vault, mount, number):
    vault.fault(operation="token", status=400, code=number)
    text = sentence(mount(vault, wait=False))
    assert NUMBERS[number].format(client=vault.client_id, tenant=vault.tenant) in text, text
    assert f"({number})" in text and "Trace ID" not in text, text


def test_a_start_waits_for_a_key_that_the_vault_cannot_resolve_yet(vault, mount):
    vault.fault(operation="list", refusal="key-unknown", count=1)
    m = mount(vault, "types=secrets")
    assert vault.count("list", 401) == 1 and vault.count("token") == 1
    m.unmount()


def test_a_key_that_the_vault_never_resolves_ends_the_start(vault, mount):
    vault.fault(operation="list", refusal="key-unknown")
    text = sentence(mount(vault, "types=secrets", wait=False))
    assert "could not resolve the key that signed it" in text and "AKV10046" in text, text
    assert vault.count("list", 401) == 4 and vault.count("token") == 1


@pytest.mark.parametrize("hours,says", [(0, "sign in again"), (1, "set the clock of this machine, which shows "),
                                        (-1, "set the clock of this machine, which shows ")])
def test_an_expired_token_and_a_wrong_clock_are_told_apart(tmp_path, vault, mount, hours, says):
    there = time.time() + 3600 * hours

    def answer(method, path, headers, body):
        challenge = f'Bearer authorization="https://x/{TENANT}", resource="https://localhost"'
        return 401, {"WWW-Authenticate": challenge, "Date": email.utils.formatdate(there, usegmt=True)}, {
            "error": {"code": "Unauthorized", "message": "[TokenExpired] Error validating token: 'S2S12086'."}}

    with FakeVault(tmp_path, {}, answer=answer) as fake:
        text = sentence(mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment(), wait=False))
    assert "it has expired: " + says in text, text
    if hours:
        assert time.strftime("shows %Y-%m-%d %H:%M:%S UTC (", time.gmtime(there)) in text, text


# At a read.

READS = {
    "rbac": ("EACCES", r"no role assignment permits Microsoft\.KeyVault/vaults/secrets/backup/action: "),
    "policy": ("EACCES", "does not grant the caller .* secrets backup permission: "),
    "firewall": ("EACCES", "whose address it sees as 127.0.0.1: "),
    "firewall-subnet": ("EACCES", "whose address it sees as 10.1.2.3: "),
    "connection": ("EACCES", "admits only private links"),
    "secret-managed": ("EPERM", "the secret belongs to a certificate: use the certificate of this name"),
    "lifetime-managed": ("EPERM", "the key belongs to a certificate: "),
    "disabled": ("EACCES", "the secret is disabled: enable it"),
    "purge-protection": ("EACCES", "purge protection is enabled in this vault: "),
    "bad-request": ("EINVAL", "more than 500 versions"),
    "audience": ("EACCES", "it is for https://management.azure.com"),
}


@pytest.mark.parametrize("refusal", READS)
def test_a_read_that_is_refused_is_an_errno_and_a_line_with_the_sentence(vault, mount, refusal):
    errno, says = READS[refusal]
    m = mount(vault)
    name = first(vault)
    vault.fault(operation="backup", refusal=refusal)
    assert errno_of("open", m / f"secrets/{name}.blob") == errno
    line = eventually(lambda: m.lines(op="backup", errno=errno), "the failure")[0]
    assert re.search(says, line["why"]), line.text
    assert "message" in line or line["status"] == "401" or refusal == "bad-request", line.text


def test_what_cannot_be_backed_up_is_in_skipped_with_the_sentence(vault, mount):
    m = mount(vault)
    name = first(vault)
    vault.fault(operation="backup", name=name, refusal="rbac")
    assert errno_of("open", m / f"secrets/{name}.blob") == "EACCES"
    assert (f"secrets/{name}\tno backup: EACCES (no role assignment permits "
            "Microsoft.KeyVault/vaults/secrets/backup/action: ") in ok("cat", m / ".kvfs/skipped")


def test_an_object_with_too_many_versions_says_how_many_it_has(vaults, mount):
    vault = vaults("first", seed="secrets=1,versions=501")
    m = mount(vault)
    assert errno_of("open", m / f"secrets/{first(vault)}.blob") == "EFBIG"
    assert "it has 501 versions" in m.line(op="backup", errno="EFBIG")["why"]


def test_a_read_waits_for_a_key_that_the_vault_cannot_resolve_yet(vault, mount):
    name = first(vault)
    m = mount(vault)
    vault.reset()
    vault.fault(operation="backup", refusal="key-unknown", count=1)
    assert errno_of("read", m / f"secrets/{name}.blob") == "0"
    assert vault.count("backup", 401) == 1 and vault.count("token") == 0


# At a restore.

RESTORES = {
    "rbac": ("EACCES", "permits Microsoft.KeyVault/vaults/secrets/restore/action: "),
    "foreign-blob": ("EINVAL", "cannot decrypt this backup: restore it into a vault of the same subscription and geography"),
    "bad-blob": ("EINVAL", "this backup is damaged, or of an object of another type: "),
    "no-blob": ("EINVAL", "this file is damaged, or no backup: "),
    "hsm-foreign-blob": ("EINVAL", "Managed HSM with another security domain: "),
}


@pytest.mark.parametrize("refusal", RESTORES)
def test_a_restore_that_is_refused_is_an_errno_and_a_line_with_the_sentence(vault, mount, tmp_path, refusal):
    errno, says = RESTORES[refusal]
    name = first(vault)
    (tmp_path / "blob").write_bytes(vault.backup("secrets", name))
    m = mount(vault)
    vault.fault(operation="restore", refusal=refusal)
    assert errno_of("write", m / f"restore/secrets/{name}.blob", tmp_path / "blob") == errno
    assert says in m.line(op="restore", errno=errno)["why"]


def test_a_restore_of_a_deleted_name_says_to_recover_or_purge(vault, mount, tmp_path):
    name = first(vault)
    (tmp_path / "blob").write_bytes(vault.backup("secrets", name))
    vault.delete("secrets", name)
    m = mount(vault)
    assert errno_of("write", m / f"restore/secrets/{name}.blob", tmp_path / "blob") == "EEXIST"
    assert "recover or purge it" in m.line(op="restore", errno="EEXIST")["why"]


def test_a_restore_whose_tokens_key_is_unknown_is_sent_again_and_restores_once(vault, mount, tmp_path):
    name = first(vault)
    (tmp_path / "blob").write_bytes(vault.backup("secrets", name))
    vault.lose("secrets", name)
    m = mount(vault)
    vault.fault(operation="restore", refusal="key-unknown", count=1)
    assert errno_of("write", m / f"restore/secrets/{name}.blob", tmp_path / "blob") == "0"
    assert vault.count("restore", 401) == 1 and vault.count("restore", 200) == 1
    assert name in vault.list("secrets")
