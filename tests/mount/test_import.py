"""import/: a key-transfer package becomes a key of the vault's HSM when it is closed, once."""
import json
import pathlib
import signal
import time

import pytest

import packages
from between import gateway
from harness import Process, errno_of, eventually, fails, ok, run

VENDOR = pathlib.Path(__file__).parent / "data" / "securosys.byok"


@pytest.fixture
def premium(vaults):
    return vaults("first")


@pytest.fixture
def kek(premium):
    return packages.create_kek(premium)


@pytest.fixture
def target(tmp_path):
    return packages.make_key(tmp_path / "target.pem", "RSA-2048")


@pytest.fixture
def package(tmp_path, kek, target):
    return packages.by_openssl(tmp_path, kek, target)


def copy(package, path):
    return errno_of("write", path, package)


# A key arrives.

@pytest.mark.parametrize("kind,folder,kty", [
    ("RSA-2048", ".", "RSA-HSM"), ("RSA-3072", "RSA-HSM", "RSA-HSM"), ("RSA-4096", "RSA", "RSA"),
    ("P-256", "EC-HSM/P-256", "EC-HSM"), ("P-384", "EC-HSM/P-384", "EC-HSM"), ("P-521", "EC-HSM/P-521", "EC-HSM"),
    ("P-256K", "EC-HSM/P-256K", "EC-HSM"), ("P-256", "EC/P-256", "EC")])
def test_an_imported_key_signs_what_the_original_verifies(premium, kek, mount, tmp_path, kind, folder, kty):
    original = packages.make_key(tmp_path / "original.pem", kind)
    package = packages.by_openssl(tmp_path, kek, original)
    m = mount(premium)
    ok("cp", package, m / "import" / folder / "mine.byok")
    bundle = premium.call("GET", "/keys/mine")
    assert bundle["key"]["kty"] == kty
    assert "import" not in bundle["key"]["key_ops"]
    assert packages.signs_what_the_original_verifies(premium, "mine", original)
    assert premium.count("import") == 1
    assert "imported as the key mine, version" in (m / ".kvfs" / "log").read_text()
    assert not m.lines(op="import")  # only what is news is in the log outside
    assert "mine.blob" in m.names("keys")
    assert json.loads((m / ".kvfs" / "status").read_text())["files"]["imported"] == 1


def test_a_symmetric_key_goes_into_a_managed_hsm(vaults, mount, tmp_path):
    hsm = vaults("first", options=["--hsm"])
    kek = packages.create_kek(hsm)
    m = mount(hsm, "hsm")
    for bits in (128, 192, 256):
        package = packages.by_openssl(tmp_path, kek, bytes(range(bits // 8)))
        ok("cp", package, m / "import" / "oct-HSM" / f"aes{bits}.byok")
        assert hsm.call("GET", f"/keys/aes{bits}")["key"]["kty"] == "oct-HSM"


def test_a_padded_ciphertext_and_a_byte_order_mark_do_no_harm(premium, kek, mount, tmp_path):
    key = packages.make_key(tmp_path / "key.pem", "P-256K")  # of 400 bytes, which is no multiple of 3
    package = packages.by_openssl(tmp_path, kek, key, padded=True)
    assert "=" in json.loads(package.read_text())["ciphertext"]
    package.write_bytes(b"\xef\xbb\xbf\r\n" + package.read_bytes() + b"\r\n")
    m = mount(premium)
    ok("cp", package, m / "import" / "EC-HSM" / "P-256K" / "MINE.BYOK")
    assert premium.versions("keys", "MINE")


def test_an_expired_kek_still_imports(premium, target, mount, tmp_path):
    kek = packages.create_kek(premium, attributes={"exp": 1000000000})
    m = mount(premium)
    ok("cp", packages.by_openssl(tmp_path, kek, target), m / "import" / "mine.byok")


def test_import_is_found_by_name_and_never_listed(premium, mount):
    m = mount(premium)
    assert "import" not in ok("ls", "-a", m.path).split()
    assert ok("ls", "-A", m / "import") == ""
    assert ok("ls", "-A", m / "import" / "EC-HSM") == ""
    assert errno_of("stat", m / "import" / "EC-HSM" / "P-256K") == "0"
    assert errno_of("rmdir", m / "import" / "EC-HSM" / "P-256") == "EBUSY"


@pytest.mark.parametrize("option", ["ro", "types=secrets"])
def test_a_mount_that_cannot_import_has_no_import(premium, mount, option):
    assert errno_of("stat", mount(premium, option) / "import") == "ENOENT"


def test_dry_run_checks_and_sends_nothing(premium, package, mount, tmp_path):
    m = mount(premium, "dry_run")
    ok("cp", package, m / "import" / "mine.byok")
    assert m.line(op="import", file="mine.byok")["why"] == "dry_run: would be imported"
    (tmp_path / "cut.byok").write_bytes(package.read_bytes()[:-300])
    assert copy(tmp_path / "cut.byok", m / "import" / "cut.byok") == "EINVAL"
    assert premium.count("import") == 0


def test_an_existing_name_becomes_a_new_version_and_the_log_says_so(premium, kek, target, mount, tmp_path):
    premium.create_key("mine", "RSA")
    before = premium.versions("keys", "mine")
    m = mount(premium)
    blob = (m / "keys" / "mine.blob").read_bytes()
    ok("cp", packages.by_openssl(tmp_path, kek, target), m / "import" / "mine.byok")
    assert len(premium.versions("keys", "mine")) == len(before) + 1
    assert "imported as a new version of the key mine, version" in m.line(op="import", file="mine.byok")["why"]
    ok("stat", m / "keys" / "mine.blob")
    assert (m / "keys" / "mine.blob").read_bytes() != blob


# rsync and mv.

@pytest.mark.parametrize("tool", ["rsync -t", "rsync --inplace", "cp -p", "install -m 600"])
def test_tools_that_copy_import(premium, package, mount, tool):
    m = mount(premium)
    ok(*tool.split(), package, m / "import" / "mine.byok")
    assert len(premium.versions("keys", "mine")) == 1
    assert premium.count("import") == 1


def test_a_tree_of_packages_can_be_copied(premium, kek, mount, tmp_path):
    tree = tmp_path / "tree"
    (tree / "EC-HSM" / "P-384").mkdir(parents=True)
    for name, kind in (("one", "RSA-2048"), ("EC-HSM/P-384/two", "P-384")):
        key = packages.make_key(tmp_path / "key.pem", kind)
        packages.by_openssl(tmp_path, kek, key).rename(tree / f"{name}.byok")
    m = mount(premium)
    ok("cp", "-r", f"{tree}/.", m / "import")
    assert sorted(premium.list("keys")) == ["KEK", "one", "two"]
    ok("rsync", "-rt", f"{tree}/", m / "import")
    assert premium.count("import") == 2  # receipts: nothing is imported twice


# What is refused before anything is sent.

@pytest.mark.parametrize("text", ["x\n", "\n", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"])
def test_a_shell_cannot_take_other_bytes_for_imported(premium, mount, text, tmp_path):
    m = mount(premium)
    source = tmp_path / "text"
    source.write_text(text)
    fails(shell=f"cat '{source}' > '{m / 'import' / 'y.byok'}'")
    fails(shell=f"echo x > '{m / 'import' / 'y.byok'}'")
    assert premium.count("import") == 0


def test_a_private_key_never_leaves_the_machine(premium, target, mount, tmp_path):
    der, pfx = tmp_path / "key.der", tmp_path / "key.pfx"
    ok("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", target, "-outform", "DER", "-out", der)
    ok("openssl", "req", "-x509", "-key", target, "-subj", "/CN=x", "-out", tmp_path / "c.pem")
    ok("openssl", "pkcs12", "-export", "-inkey", target, "-in", tmp_path / "c.pem", "-passout", "pass:", "-out", pfx)
    m = mount(premium)
    for file in (target, der, pfx):
        assert copy(file, m / "import" / "mine.byok") == "EINVAL"
        # staged, so that only the rename judges it
        fails("rsync", "-t", file, m / "import" / "mine.byok")
    assert premium.count("import") == 0
    assert all("kvfs byok wrap" in x["why"] for x in m.lines(op="import", errno="EINVAL"))


def change(package, **members):
    content = json.loads(package.read_text())
    for path, value in members.items():
        at = content
        *way, last = path.split("__")
        for step in way:
            at = at[step]
        at[last] = value
    package.write_text(json.dumps(content))
    return package


@pytest.mark.parametrize("members,why", [
    ({"schema_version": "2.0.0"}, 'has the schema_version '),
    ({"header__alg": "RSA-OAEP"}, 'has the alg '),
    ({"header__kid": "https://other.vault.localhost/keys/KEK/1234567890abcdef1234567890abcdef"},
     "of other.vault.localhost"),
    ({"ciphertext": "AAAA"}, "damaged or cut"),
    ({"header": {}}, 'its header has no ')])
def test_a_package_that_cannot_be_right_is_refused_here(premium, package, mount, members, why):
    m = mount(premium)
    assert copy(change(package, **members), m / "import" / "mine.byok") == "EINVAL"
    assert why in m.line(op="import", errno="EINVAL")["why"]
    assert premium.count("import") == premium.count("versions") == 0


def test_a_vendors_package_is_read_and_is_for_another_vault(premium, mount):
    m = mount(premium)
    assert copy(VENDOR, m / "import" / "mine.byok") == "EINVAL"
    assert "the key KekForByokR4k of securosysprimuskeyvault.vault.azure.net" in m.line(op="import")["why"]


@pytest.mark.parametrize("name", ["mine", "mine.pem", "mine.byok.txt", "my_key.byok", ".byok", "a" * 128 + ".byok"])
def test_a_name_that_no_key_can_have_is_refused(premium, package, mount, name):
    m = mount(premium)
    assert copy(package, m / "import" / name) == "EINVAL"
    fails("rsync", "-t", package, m / "import" / name)
    assert premium.count("import") == 0


def test_the_folder_must_fit_the_package(premium, kek, package, mount, tmp_path):
    m = mount(premium)
    assert copy(package, m / "import" / "EC-HSM" / "mine.byok") == "EINVAL"
    assert copy(package, m / "import" / "EC-HSM" / "P-256" / "mine.byok") == "EINVAL"
    assert copy(package, m / "import" / "oct-HSM" / "mine.byok") == "EINVAL"
    ec = packages.by_openssl(tmp_path, kek, packages.make_key(tmp_path / "ec.pem", "P-256"))
    assert copy(ec, m / "import" / "mine.byok") == "EINVAL"
    whys = [x["why"] for x in m.lines(op="import", errno="EINVAL")]
    assert "does not say which curve" in whys[0] and "too long for a key of this type" in whys[1]
    assert "too long" in whys[2] and "too short for an RSA key" in whys[3]
    assert premium.count("import") == 0


def test_a_huge_file_is_refused_at_once(premium, mount, tmp_path):
    huge = tmp_path / "huge"
    huge.write_bytes(b"{" + b" " * (64 << 20))
    m = mount(premium)
    assert copy(huge, m / "import" / "mine.byok") == "EFBIG"
    assert "larger than any key-transfer package" in m.line(op="import", errno="EFBIG")["why"]


def test_an_opaque_package_is_left_to_the_vault(premium, mount, tmp_path):
    opaque = tmp_path / "KeyTransferPackage-old.byok"
    opaque.write_bytes(bytes(range(256)) * 8)
    m = mount(premium)
    assert copy(opaque, m / "import" / "old.byok") == "EINVAL"
    assert m.line(op="import", status=400)
    assert premium.count("import") == 1


# What the vault refuses.

def test_a_standard_vault_has_no_hsm_and_the_log_says_premium(vaults, package, mount):
    standard = vaults("first", options=["--standard"])
    m = mount(standard)
    text = package.read_text()
    package.write_text(text.replace(json.loads(text)["header"]["kid"].split("/keys/")[0], standard.url))
    assert copy(package, m / "import" / "mine.byok") == "EINVAL"
    why = m.line(op="import", status=400)["why"]
    assert "Standard tier" in why and "Premium" in why, why


@pytest.mark.parametrize("what", ["kek deleted", "kek without import", "ciphertext damaged", "kek unknown", "RSA-1024"])
def test_what_the_vault_refuses_is_a_failed_close_with_a_sentence(premium, kek, target, mount, tmp_path, what):
    if what == "RSA-1024":
        ok("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", target)
    if what == "kek without import":
        kek = packages.create_kek(premium, "other", ops=["wrapKey", "unwrapKey"])
    package = packages.by_openssl(tmp_path, kek, target)
    m = mount(premium)
    if what == "kek deleted":
        premium.delete("keys", "KEK")
    if what == "kek unknown":
        change(package, header__kid=premium.url + "/keys/none/1234567890abcdef1234567890abcdef")
    if what == "ciphertext damaged":
        text = json.loads(package.read_text())["ciphertext"]
        change(package, ciphertext=text[:100] + ("A" if text[100] != "A" else "B") + text[101:])
    expected = "EINVAL"
    assert copy(package, m / "import" / "mine.byok") == expected
    assert premium.status("GET", "/keys/mine") == 404
    assert errno_of("stat", m / "import" / "mine.byok") == "ENOENT"
    lines = m.lines(op="import", errno="EINVAL")
    assert lines and lines[-1]["why"], m.process.err


@pytest.mark.parametrize("message,errno,words", [
    ("Hardware key operation not allowed on standard vault", "EINVAL", ["Standard tier", "Premium"]),
    ('The property "key" must be a valid JsonWebKey object.', "EINVAL", ["JSON Web Key", "the key KEK"]),
    ("RSA key is not valid - cannot instantiate crypto service", "EINVAL", ["do not fit together"]),
    ("Exportable keys must have release policy", "EINVAL", ["release policy"]),
    ("Non-exportable keys must not have release policy", "EINVAL", ["only an exportable key"]),
    ("JSON Web Key: k property of oct key is too large, maximum size is 64", "EINVAL", ["too long"]),
    ('Unsupported key operation(s): "wrapKey". Supported values are "sign", "verify".', "EINVAL", ["operations"]),
    ("Something that nobody has seen yet", "EINVAL", ["Something that nobody", "the key KEK", "still exists"])])
def test_each_refusal_of_an_import_has_its_sentence(premium, package, mount, message, errno, words):
    premium.fault(operation="import", status=400, code="BadParameter", message=message)
    m = mount(premium)
    assert copy(package, m / "import" / "mine.byok") == errno
    why = m.line(op="import", errno=errno)["why"]
    assert all(w in why for w in words), why


def test_a_404_to_an_import_is_about_the_kek(premium, package, mount):
    premium.fault(operation="import", status=404, code="KeyNotFound", message="A key with (name/id) KEK was not found")
    m = mount(premium)
    assert copy(package, m / "import" / "mine.byok") == "EINVAL"
    assert "the package was encrypted with the key KEK" in m.line(op="import", errno="EINVAL")["why"]


def test_a_deleted_name_is_eexist(premium, package, mount):
    premium.create_key("mine")
    premium.delete("keys", "mine")
    m = mount(premium)
    assert copy(package, m / "import" / "mine.byok") == "EEXIST"
    assert "soft-deleted" in m.line(op="import", errno="EEXIST")["why"]


def test_without_the_right_to_import_the_close_is_eacces_and_names_it(premium, package, mount):
    m = mount(premium)
    premium.rights("keys=list,get,backup,restore", deny="rbac")
    assert copy(package, m / "import" / "mine.byok") == "EACCES"
    assert "keys/import/action" in m.line(op="import", errno="EACCES").text


# Once.

def test_the_same_package_is_not_imported_twice_unless_the_vault_has_lost_it(premium, package, mount):
    m = mount(premium)
    ok("cp", package, m / "import" / "mine.byok")
    ok("cp", package, m / "import" / "mine.byok")
    ok("rsync", "-t", package, m / "import" / "mine.byok")
    assert premium.count("import") == 1
    assert errno_of("stat", m / "import" / "mine.byok") == "0"
    ok("cp", package, m / "import" / "other.byok")  # another name is another key
    assert premium.count("import") == 2
    premium.lose("keys", "mine")
    eventually(lambda: errno_of("stat", m / "import" / "mine.byok") == "ENOENT", "the receipt is gone", 20)
    ok("cp", package, m / "import" / "mine.byok")
    assert premium.count("import") == 3
    assert len(premium.versions("keys", "mine")) == 1


@pytest.mark.parametrize("change", [{"tags": {"owner": "me"}}, {"attributes": {"exp": 2000000000}},
                                    {"attributes": {"enabled": False}}], ids=["tags", "expiry", "disabled"])
def test_attributes_that_change_after_an_import_are_no_reason_for_another_version(premium, package, mount, change):
    m = mount(premium)
    ok("cp", package, m / "import" / "mine.byok")
    key = premium.call("GET", "/keys/mine")
    eventually(lambda: time.time() > key["attributes"]["updated"] + 1, "a later second, in which the key is changed")
    premium.call("PATCH", "/keys/mine/" + key["key"]["kid"].rsplit("/", 1)[1], change)
    ok("cp", package, m / "import" / "mine.byok")
    m.unmount()
    m = mount(premium, again=m)
    ok("cp", package, m / "import" / "mine.byok")
    assert errno_of("stat", m / "import" / "mine.byok") == "0"
    assert premium.count("import") == 1 and len(premium.versions("keys", "mine")) == 1


def test_an_import_whose_answer_names_another_vault_is_reported_as_lost(premium, package, mount, tmp_path):
    def change(request, answer):
        if request.method == "PUT" and request.path.startswith("/keys/mine"):
            answer.body = answer.body.replace(b"first.vault", b"twin.vault")
        return answer

    with gateway(premium, tmp_path / "front", change) as g:
        m = mount(premium, url=g.url)
        assert copy(package, m / "import" / "mine.byok") == "EIO"
        why = m.line(op="import", errno="EIO")["why"]
        assert "of twin.vault.localhost, not of first.vault.localhost" in why and "since then it has the new version" in why
        assert premium.count("import") == 1
        m.unmount()


def test_a_receipt_outlives_the_mount(premium, package, mount):
    m = mount(premium)
    ok("cp", package, m / "import" / "mine.byok")
    m.unmount()
    m = mount(premium, again=m)
    assert errno_of("stat", m / "import" / "mine.byok") == "0"
    assert errno_of("stat", m / "restore" / "mine.byok") == "ENOENT"  # those of restore/ are others
    ok("cp", package, m / "import" / "mine.byok")
    assert premium.count("import") == 1


@pytest.mark.parametrize("fault", [dict(action="applied-reset"), dict(status=500), dict(status=503),
                                   dict(status=408), dict(action="reset"), dict(action="garbage")])
def test_a_lost_answer_is_eio_sent_once_and_the_log_names_what_appeared(premium, package, mount, fault):
    premium.create_key("mine", "RSA")
    before = premium.versions("keys", "mine")
    premium.fault(operation="import", count=1, **fault)
    m = mount(premium)
    assert copy(package, m / "import" / "mine.byok") == "EIO"
    assert premium.count("import") == 1
    new = sorted(set(premium.versions("keys", "mine")) - set(before))
    why = m.line(op="import", errno="EIO")["why"]
    if fault.get("action") == "applied-reset":
        assert len(new) == 1 and f"since then it has the new version {new[0]}" in why, why
    else:
        assert not new and "no version of it has appeared since" in why, why
    assert "check the key before you try again" in why


def test_another_clients_version_is_named_too(premium, package, mount):
    premium.create_key("mine", "RSA")
    premium.fault(operation="import", action="stall", count=1)
    m = mount(premium, "timeout=3")
    copying = Process(["cp", package, m / "import" / "mine.byok"], m.directory, "cp")
    eventually(lambda: premium.stats()["vaults"]["first"]["in_flight"] > 0
               if "in_flight" in premium.stats()["vaults"]["first"] else premium.count("versions") > 0, "the import is sent")
    version = premium.create_key("mine", "RSA")["key"]["kid"].rpartition("/")[2]
    assert copying.wait(30) != 0
    assert version in m.line(op="import", errno="EIO")["why"]


def test_what_was_not_processed_is_sent_again(premium, package, mount):
    premium.fault(operation="import", status=429, count=2)
    m = mount(premium)
    ok("cp", package, m / "import" / "mine.byok")
    assert premium.count("import", 200) == 1 and len(premium.versions("keys", "mine")) == 1


def test_without_lists_it_imports_and_does_not_know_what_was_there(premium, package, mount):
    m = mount(premium, "nolist")
    ok("cp", package, m / "import" / "mine.byok")
    assert "imported as, or as a new version of, the key mine" in m.line(op="import", file="mine.byok")["why"]
    premium.fault(operation="import", action="applied-reset", count=1)
    assert copy(package, m / "import" / "other.byok") == "EIO"
    assert "which versions it has is not known" in m.line(op="import", errno="EIO")["why"]
    assert premium.count("versions") == 0


def test_a_vault_that_cannot_be_reached_before_the_import_gets_none(premium, package, mount):
    m = mount(premium, "timeout=2")
    premium.fault(operation="versions", status=503)
    assert copy(package, m / "import" / "mine.byok") == "EIO"
    assert premium.count("import") == 0


def test_an_answer_about_another_key_is_no_success(premium, package, mount):
    """A gateway that mixes answers up: the import's answer names another key."""
    premium.fault(operation="import", action="garbage", count=1)
    m = mount(premium)
    assert copy(package, m / "import" / "mine.byok") == "EIO"


# Names that change while it is sent.

@pytest.mark.parametrize("change_name", ["os.unlink(path)", "os.rename(path, other)"])
def test_a_name_that_changes_during_the_close_does_not_change_its_result(premium, package, mount, change_name):
    premium.fault(operation="import", delay_ms=1500, action="delay", count=1)
    m = mount(premium)
    script = f"""
import os, sys, threading, time
folder, source = sys.argv[1:]
path, other = folder + "/mine.byok", folder + "/other.byok"
fd = os.open(path, os.O_WRONLY | os.O_CREAT)
os.write(fd, open(source, "rb").read())
t = threading.Timer(0.5, lambda: {change_name})
t.start()
os.close(fd)
t.join()
"""
    run("/usr/bin/python3", "-c", script, m / "import", package)
    assert premium.count("import") == 1 and len(premium.versions("keys", "mine")) == 1


def test_nothing_is_renamed_between_import_and_restore(premium, package, mount):
    m = mount(premium)
    ok("mkdir", m / "restore/x", m / "import/y")
    assert copy(package, m / "import/mine.byok") == "0"
    for source, target in (("restore/x", "import/x"), ("import/y", "restore/y"), ("import/y", "restore/x"),
                           ("import/mine.byok", "restore/keys/mine.blob")):
        assert errno_of("rename", m / source, m / target) == "EXDEV"
    assert errno_of("stat", m / "import/mine.byok") == "0" and premium.count("import") == 1


def test_two_writers_of_one_name_each_get_their_own_result(premium, kek, mount, tmp_path):
    one, two = (packages.by_openssl(tmp_path, kek, packages.make_key(tmp_path / f"{n}.pem", "RSA-2048"),
                                    name=f"{n}.byok") for n in ("one", "two"))
    m = mount(premium)
    results = [Process(["cp", p, m / "import" / "mine.byok"], m.directory, p.stem) for p in (one, two)]
    codes = [p.wait(30) for p in results]
    assert premium.count("import") == codes.count(0) == len(premium.versions("keys", "mine"))
    assert codes.count(0) >= 1


def test_the_end_of_the_mount_waits_for_an_import(premium, package, mount):
    premium.fault(operation="import", delay_ms=2000, action="delay", count=1)
    m = mount(premium)
    copying = Process(["cp", package, m / "import" / "mine.byok"], m.directory, "cp")
    eventually(lambda: premium.count("versions") > 0, "it has begun")
    m.process.child.send_signal(signal.SIGTERM)
    assert copying.wait(30) == 0
    assert m.process.wait(20) == 0
    m.is_ended = True
    assert len(premium.versions("keys", "mine")) == 1
