"""A Managed HSM: keys only, other lists, other answers, external keys."""
import json
import os
import re

import pytest

from harness import KVFS, Mount, environment, errno_of, listed_again, ok, run

EXTERNAL = {"kty": "oct-HSM", "attributes": {"external_key": {"id": "there"}}}


@pytest.fixture
def hsm(vaults):
    return vaults("first", seed="keys=3,versions=2", options=["--hsm"])


def create(hsm, name, **more):
    body = json.dumps({"kty": "EC", "crv": "P-256", **more}).encode()
    status, _, answer = hsm.send("POST", f"/keys/{name}/create?api-version=2026-04-01", body, hsm.host(),
                                 {"Authorization": f"Bearer {hsm.token()}"})
    assert status == 200, answer


def names(m):
    return sorted(name.removesuffix(".blob") for name in os.listdir(m / "keys"))


def test_a_managed_hsm_has_only_keys_and_they_are_backed_up(hsm, mount, tmp_path):
    m = mount(hsm)
    assert sorted(os.listdir(m)) == ["keys", "restore"]
    listed = names(m)
    assert len(listed) == 3
    ok("cp", "-r", m / "keys", tmp_path / "copy")
    for name in listed:
        blob = (tmp_path / f"copy/{name}.blob").read_bytes()
        assert blob.startswith(b"eyJ") and blob.count(b".") == 4
    assert hsm.count("backup", 200) == 3


def test_a_list_of_many_pages_in_the_order_of_creation_is_whole(vaults, mount):
    hsm = vaults("first", options=["--hsm", "--strict-links", "--page", "2"])
    for name in ("d", "a", "c", "e", "b"):
        create(hsm, name)
    m = mount(hsm)
    assert m.names("keys") == [f"{name}.blob" for name in ("d", "a", "c", "e", "b")]
    assert hsm.count("list", 400) == 0


def test_a_restore_right_after_a_purge_needs_one_request(hsm, mount, tmp_path):
    m = mount(hsm)
    name = names(m)[0]
    ok("cp", m / f"keys/{name}.blob", tmp_path / "key.blob")
    hsm.delete("keys", name)
    hsm.purge("keys", name, wait=False)
    ok("cp", tmp_path / "key.blob", m / f"restore/keys/{name}.blob")
    assert hsm.count("restore") == 1 and hsm.count("restore", 200) == 1
    assert m.lines(op="restore", errno="EBUSY") == []


@pytest.mark.parametrize("folder", ["restore", "restore/2026/host"])
def test_a_blob_needs_no_folder_of_its_type(hsm, mount, tmp_path, folder):
    """It does not show its type, but there is only one."""
    m = mount(hsm)
    name = names(m)[0]
    ok("cp", m / f"keys/{name}.blob", tmp_path / f"{name}.blob")
    hsm.delete("keys", name)
    hsm.purge("keys", name)
    (m / folder).mkdir(parents=True, exist_ok=True)
    ok("cp", tmp_path / f"{name}.blob", m / folder)
    assert hsm.count("restore", 200) == 1
    assert ok("bash", "-c", f"echo x >{m.path}/restore/y || echo refused").strip() == "refused"


def test_an_external_key_is_not_shown_and_is_named_in_skipped(hsm, mount):
    create(hsm, "far", **EXTERNAL)
    m = mount(hsm)
    assert "far" not in names(m) and len(names(m)) == 3
    assert errno_of("stat", m / "keys/far.blob") == "ENOENT"
    skipped = (m / ".kvfs/skipped").read_text()
    assert re.fullmatch(r"keys/far\tnot shown: an external key, .* degrade the HSM\n", skipped)
    create(hsm, "late", **EXTERNAL)  # in no list yet: its versions show it
    assert errno_of("stat", m / "keys/late.blob") == "ENOENT"
    assert hsm.count("backup") == 0
    assert m.lines(event="api_version") == []


def test_an_older_hsm_is_asked_with_an_older_version_and_a_warning_says_what_is_lost(vaults, mount):
    hsm = vaults("first", seed="keys=2", options=["--hsm", "--newest-api", "7.6"])
    create_external = {"Authorization": f"Bearer {hsm.token()}"}
    hsm.send("POST", "/keys/far/create?api-version=7.6", json.dumps(EXTERNAL).encode(), hsm.host(), create_external)
    m = mount(hsm)
    warning = m.line(event="api_version")
    assert warning["version"] == "7.6" and warning["before"] == "2026-04-01"
    assert "external keys cannot be recognized" in warning["why"]
    assert "far" in names(m)
    ok("cat", m / f"keys/{names(m)[-1]}.blob")
    assert hsm.count("list", 400) == 1


def test_a_version_that_was_asked_for_is_not_replaced(vaults, tmp_path, watchdog):
    hsm = vaults("first", seed="keys=2", options=["--hsm", "--newest-api", "7.6"])
    m = Mount(tmp_path / "m", ["-o", f"cacert={hsm.ca},api_version=2026-04-01", hsm.url], environment(hsm))
    watchdog.processes.append(m.process)
    assert m.process.wait() == 1
    assert "answers 400 BadParameter" in m.process.err and "(2026-04-01) is not recognized" in m.process.err
    m.discard()


def test_types_that_a_managed_hsm_has_not_are_refused(hsm):
    result = run(KVFS, "-f", "-o", f"cacert={hsm.ca},types=secrets", hsm.url, "/mnt", env=environment(hsm))
    assert result.code == 1 and "keys, because a Managed HSM has only these" in result.err


def test_the_activity_id_is_the_request_id_in_the_log(hsm, mount):
    m = mount(hsm)
    name = names(m)[0]
    hsm.fault(operation="backup", name=name, refusal="hsm-rights")
    assert errno_of("open", m / f"keys/{name}.blob") == "EACCES"
    line = m.line(op="backup", errno="EACCES")
    assert line["code"] == "AccessDenied" and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line["request"])
    assert "no local role of the Managed HSM permits Microsoft.KeyVault/managedHsm/keys/backup/action" in line["why"]


def test_rubbish_is_refused_without_a_claim_about_a_security_domain(hsm, mount, tmp_path):
    m = mount(hsm)
    jwe = (m / f"keys/{names(m)[0]}.blob").read_bytes()
    # another tag: nobody can tell a damaged backup from a foreign one
    (tmp_path / "bad.blob").write_bytes(jwe[:-40] + b"A" * 40)
    assert run("cp", tmp_path / "bad.blob", m / "restore/keys/bad.blob").code != 0
    assert "this backup is damaged, or of a Managed HSM with another security domain" in m.line(op="restore")["why"]


def test_a_list_that_is_behind_refutes_no_restore(hsm, mount, tmp_path):
    m = mount(hsm, "list_ttl=1")
    name = names(m)[0]
    ok("cp", m / f"keys/{name}.blob", tmp_path / "key.blob")
    hsm.lose("keys", name)
    listed_again(lambda: name not in names(m), "the key is gone")
    hsm.config(list_lag_ms=3600000)  # lists stay as they are now
    ok("cp", tmp_path / "key.blob", m / f"restore/keys/{name}.blob")
    listings = hsm.count("list")
    listed_again(lambda: names(m) and hsm.count("list") > listings + 2, "some listings")
    assert name in names(m), "what was restored is shown although the list lacks it"
    ok("stat", m / f"restore/keys/{name}.blob")
    hsm.delete("keys", name)
    assert run("stat", m / f"restore/keys/{name}.blob").code != 0, "the versions decide"


def test_a_change_within_five_minutes_is_believed_until_the_next_listing_only(hsm, mount):
    """There is no Date: two clocks may differ."""
    m = mount(hsm, "list_ttl=1")
    create(hsm, "fresh")
    listed_again(lambda: "fresh" in names(m), "the new key")
    ok("cat", m / "keys/fresh.blob")
    before = hsm.count("backup")
    listings = hsm.count("list")
    listed_again(lambda: names(m) and hsm.count("list") > listings + 1, "another listing")
    ok("cat", m / "keys/fresh.blob")
    # The last of these listings is counted and may not have ended: if it ends while the blob is fetched, that is repeated.
    assert before < hsm.count("backup") <= before + hsm.count("list") - listings


def test_the_pace_of_a_managed_hsm_begins_lower(hsm, mount):
    m = mount(hsm, rate=None)
    rates = {c["class"]: c["rate"] for c in json.loads((m / ".kvfs/status").read_text())["rates"]}
    assert rates["keys"] == 5 and rates["restores"] == 5 and rates["light"] == 50
