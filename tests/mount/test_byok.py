"""kvfs byok: a KEK in a vault, packages for it, and the way of a key from a machine without a network into the vault."""
import json
import os
import pathlib
import pty
import select
import stat
import time

import pytest
from cryptography.hazmat.primitives import serialization

import harness
import packages
from harness import KVFS, environment, fails, ok, run

VENDOR = pathlib.Path(__file__).parent / "data" / "securosys.byok"


@pytest.fixture
def premium(vaults):
    return vaults("first")


@pytest.fixture
def byok(premium, tmp_path):
    """A function that runs kvfs byok, with the vault's settings for kek."""
    env = environment(premium, XDG_CACHE_HOME=tmp_path / "cache")

    def runs(step, *argv, **kwargs):
        options = ("-o", f"cacert={premium.ca}") if step == "kek" else ()
        if step == "wrap":  # it needs no network, no credentials and no settings
            kwargs.setdefault("env", environment())
        return run(KVFS, "byok", step, *options, *argv, **{"env": env, "cwd": tmp_path, **kwargs})

    return runs


@pytest.fixture
def own(premium, tmp_path):
    """A KEK whose private key the test has: its file, and the key."""
    bundle, key = packages.own_kek(premium, tmp_path)
    (tmp_path / "own.json").write_text(json.dumps(bundle))
    return tmp_path / "own.json", key


def succeeds(result):
    assert result.code == 0, result
    return result


def refuses(result, *words):
    assert result.code == 1 and result.err.startswith("kvfs: ") and result.err.count("\n") == 1, result
    assert all(w in result.err for w in words), result
    return result


# The whole way.

@pytest.mark.parametrize("kind,folder", [("RSA-2048", ""), ("RSA-4096", ""), ("P-256", "EC-HSM/P-256"),
                                         ("P-384", "EC-HSM/P-384"), ("P-521", "EC-HSM/P-521"),
                                         ("P-256K", "EC-HSM/P-256K")])
def test_a_key_arrives_in_the_hsm(premium, byok, mount, tmp_path, kind, folder):
    (tmp_path / "KEK.json").write_text(succeeds(byok("kek", premium.url, "KEK", "--size", "2048")).out)
    original = packages.make_key(tmp_path / "mine.pem", kind)
    done = succeeds(byok("wrap", "--kek", "KEK.json", "--key", original, "-o", "mine.byok"))
    m = mount(premium)
    command = done.out.partition("Import it with: ")[2].replace("MOUNTPOINT", str(m.path))
    assert f"import/{folder}" in command
    ok(shell=command, cwd=tmp_path)
    assert packages.signs_what_the_original_verifies(premium, "mine", original)


def test_an_aes_key_arrives_in_a_managed_hsm(vaults, mount, tmp_path):
    hsm = vaults("first", options=["--hsm"])
    env = environment(hsm, XDG_CACHE_HOME=tmp_path / "cache")
    kek = ok(KVFS, "byok", "kek", "-o", f"cacert={hsm.ca},hsm", hsm.url, "KEK", env=env)
    (tmp_path / "KEK.json").write_text(kek)
    (tmp_path / "aes").write_bytes(bytes(range(32)))
    ok(KVFS, "byok", "wrap", "--kek", "KEK.json", "--oct", "aes", "-o", "mine.byok", env=environment(), cwd=tmp_path)
    m = mount(hsm, "hsm")
    ok("cp", tmp_path / "mine.byok", m / "import" / "oct-HSM")
    assert hsm.call("GET", "/keys/mine")["key"]["kty"] == "oct-HSM"


# kek.

def test_a_kek_is_for_import_only_and_expires(premium, byok):
    result = succeeds(byok("kek", premium.url, "KEK", "--size", "3072", "--expires", "2d"))
    printed, there = json.loads(result.out)["key"], premium.call("GET", "/keys/KEK")
    assert {m: there["key"][m] for m in printed} == printed
    assert there["key"]["kty"] == "RSA-HSM" and there["key"]["key_ops"] == ["import"]
    assert len(packages.decode(there["key"]["n"])) == 384
    assert not there["attributes"].get("exportable")
    assert abs(there["attributes"]["exp"] - time.time() - 2 * 86400) < 600
    assert "billed" in result.err and "delete it after use" in result.err


def test_a_kek_never_becomes_a_version_of_another_key(premium, byok):
    premium.create_key("taken", "RSA")
    refuses(byok("kek", premium.url, "taken"), "has a key called taken")
    premium.delete("keys", "taken")
    refuses(byok("kek", premium.url, "taken"), "soft-deleted", "recover or purge")
    assert premium.count("create", 200) == 1


def test_without_the_right_to_see_the_name_no_kek_is_created(premium, byok):
    premium.rights("keys=create", deny="rbac")
    refuses(byok("kek", premium.url, "KEK"), "cannot be found out", "keys/read")
    assert premium.count("create") == 0
    premium.rights("keys=list,get", deny="rbac")
    refuses(byok("kek", premium.url, "KEK"), "was not created", "keys/create/action")


def test_a_standard_vault_has_no_kek(vaults, tmp_path):
    standard = vaults("first", options=["--standard"])
    result = run(KVFS, "byok", "kek", "-o", f"cacert={standard.ca}", standard.url, "KEK",
                 env=environment(standard, XDG_CACHE_HOME=tmp_path / "cache"))
    refuses(result, "Standard tier", "Premium")


def test_a_lost_answer_says_what_to_do(premium, byok):
    premium.fault(operation="create", action="applied-reset", count=1)
    refuses(byok("kek", premium.url, "KEK"), "KEK may have been created", "look for it", "/keys/KEK")
    assert premium.count("create") == 1
    refuses(byok("kek", premium.url, "KEK"), "has a key called KEK")


def test_a_create_that_is_not_answered_ends_at_the_timeout(premium, byok):
    premium.fault(operation="create", action="stall")
    refuses(byok("kek", "-o", "timeout=2", premium.url, "KEK"), "did not answer within 2 s",
            "KEK may have been created", "look for it", "/keys/KEK")
    assert premium.count("create") == 1


def test_without_an_answer_about_the_name_no_kek_is_created(premium, byok):
    premium.fault(operation="versions", action="stall")
    refuses(byok("kek", "-o", "timeout=2", premium.url, "KEK"), "did not answer within 2 s", "nothing was created")
    assert premium.count("create") == 0


@pytest.mark.parametrize("option", ["ro", "dry_run"])
def test_with_ro_and_dry_run_no_kek_is_created(premium, byok, option):
    refuses(byok("kek", "-o", option, premium.url, "KEK"), f"-o {option} forbids")
    assert premium.count("create") == premium.count("versions") == 0


@pytest.mark.parametrize("to", [">/dev/full", ">&-", "1</dev/null"])
def test_no_kek_is_created_that_cannot_be_printed(premium, byok, tmp_path, to):
    env = environment(premium, XDG_CACHE_HOME=tmp_path / "cache")
    refuses(run(env=env, shell=f"{KVFS} byok kek -o cacert={premium.ca} {premium.url} KEK {to}"), "was not created",
            "standard output")
    assert premium.count("create") == premium.count("versions") == 0


@pytest.mark.parametrize("argv", [("--size", "1024"), ("--expires", "0h"), ("--expires", "24"), ("--expires", "9999d"),
                                  ("more",)])
def test_wrong_arguments_of_kek_are_a_sentence(premium, byok, argv):
    refuses(byok("kek", premium.url, "KEK", *argv))
    assert premium.count("create") == premium.count("versions") == 0


# wrap.

def test_another_library_unwraps_what_was_wrapped(byok, own, tmp_path):
    file, kek = own
    for kind in ("RSA-2048", "RSA-3072", "P-256", "P-384", "P-521", "P-256K"):
        key = packages.make_key(tmp_path / f"{kind}.pem", kind)
        succeeds(byok("wrap", "--kek", file, "--key", key, "-o", f"{kind}.byok"))
        arrived = packages.load(packages.unwrap((tmp_path / f"{kind}.byok").read_text(), kek))
        assert arrived.private_numbers() == packages.load(key).private_numbers()


def test_what_openssl_wrapped_and_what_kvfs_wrapped_differ_only_in_random_bytes(premium, byok, own, tmp_path):
    file, kek = own
    key = packages.make_key(tmp_path / "key.pem", "RSA-2048")
    succeeds(byok("wrap", "--kek", file, "--key", key, "-o", "ours.byok"))
    theirs = packages.by_openssl(tmp_path, json.loads(file.read_text()), key)
    a, b = (json.loads(p.read_text()) for p in (tmp_path / "ours.byok", theirs))
    assert a["header"] == b["header"] and a["schema_version"] == b["schema_version"]
    assert len(a["ciphertext"]) == len(b["ciphertext"]) and a["ciphertext"] != b["ciphertext"]
    assert packages.unwrap(json.dumps(a), kek) == packages.unwrap(json.dumps(b), kek)


@pytest.mark.parametrize("form", ["pkcs8", "traditional", "der", "encrypted", "encrypted der", "pkcs12", "stdin"])
def test_a_key_is_read_in_each_form_that_openssl_writes(byok, own, tmp_path, form):
    file, kek = own
    plain, key = packages.make_key(tmp_path / "plain.pem", "RSA-2048"), tmp_path / "key"
    secret = tmp_path / "passphrase"
    secret.write_text("a pass phrase\n")
    secret.chmod(0o600)
    how = {"pkcs8": ["pkcs8", "-topk8", "-nocrypt"], "traditional": ["rsa", "-traditional"],
           "der": ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], "stdin": ["pkcs8", "-topk8", "-nocrypt"],
           "encrypted": ["pkcs8", "-topk8", "-v2", "aes256", "-passout", f"file:{secret}"],
           "encrypted der": ["pkcs8", "-topk8", "-outform", "DER", "-passout", f"file:{secret}"],
           "pkcs12": None}[form]
    if how:
        ok("openssl", *how, "-in", plain, "-out", key)
    else:
        ok("openssl", "req", "-x509", "-key", plain, "-subj", "/CN=x", "-out", tmp_path / "c.pem")
        ok("openssl", "pkcs12", "-export", "-inkey", plain, "-in", tmp_path / "c.pem",
           "-passout", f"file:{secret}", "-out", key)
    argv = ["wrap", "--kek", file, "--key", "-" if form == "stdin" else key, "-o", "made.byok"]
    if how is None or "encrypted" in form:
        argv += ["--passin-file", secret]
    succeeds(byok(*argv, stdin=key.read_text() if form == "stdin" else None))
    arrived = packages.load(packages.unwrap((tmp_path / "made.byok").read_text(), kek))
    assert arrived.private_numbers() == packages.load(plain).private_numbers()


def test_a_kek_comes_from_other_files_too(premium, byok, own, tmp_path):
    file, kek = own
    bundle = json.loads(file.read_text())
    kid = bundle["key"]["kid"]
    packages.public_pem(bundle, tmp_path / "kek.pem")
    (tmp_path / "bare.json").write_text(json.dumps(bundle["key"]))
    key = packages.make_key(tmp_path / "key.pem", "P-256")
    for i, argv in enumerate([("kek.pem", "--kid", kid), ("bare.json",), ("own.json", "--kid", kid)]):
        succeeds(byok("wrap", "--kek", *argv, "--key", key, "-o", f"{i}.byok"))
        packages.unwrap((tmp_path / f"{i}.byok").read_text(), kek)
        assert json.loads((tmp_path / f"{i}.byok").read_text())["header"]["kid"] == kid
    refuses(byok("wrap", "--kek", "kek.pem", "--key", key, "-o", "x.byok"), "--kid")
    refuses(byok("wrap", "--kek", "kek.pem", "--kid", "KEK", "--key", key, "-o", "x.byok"), "is not the id of a key")
    refuses(byok("wrap", "--kek", "own.json", "--kid", kid[:-1] + "0" if kid[-1] != "0" else kid[:-1] + "1",
                 "--key", key, "-o", "x.byok"), "not that of --kid")
    assert not (tmp_path / "x.byok").exists()


def test_a_package_is_for_its_owner_and_never_written_over_a_file(byok, own, tmp_path):
    file, _ = own
    key = packages.make_key(tmp_path / "key.pem", "P-256")
    os.umask(0)
    try:
        succeeds(byok("wrap", "--kek", file, "--key", key, "-o", "made.byok"))
    finally:
        os.umask(0o22)
    assert stat.S_IMODE((tmp_path / "made.byok").stat().st_mode) == 0o600
    before = (tmp_path / "made.byok").read_bytes()
    (tmp_path / "link.byok").symlink_to(tmp_path / "new")
    for name in ("made.byok", "link.byok"):
        refuses(byok("wrap", "--kek", file, "--key", key, "-o", name), "exists, and is not overwritten")
    assert (tmp_path / "made.byok").read_bytes() == before and not (tmp_path / "new").exists()


def test_a_full_disk_leaves_no_file(byok, own, tmp_path):
    file, _ = own
    key = packages.make_key(tmp_path / "key.pem", "P-256")
    refuses(byok("wrap", "--kek", file, "--key", key, "-o", "/proc/made.byok"))
    refuses(byok("wrap", "--kek", file, "--key", key, "-o", tmp_path / "none" / "made.byok"), "No such file")


@pytest.mark.parametrize("what,words", [
    ("rsa 1024", ["RSA key of 1024 bits"]), ("ed25519", ["only RSA keys"]), ("text", ["neither PEM nor PKCS#12"]),
    ("wrong passphrase", ["passphrase is wrong"]), ("no passphrase", ["--passin-file"]), ("missing", ["No such file"]),
    ("exposed passphrase", ["--passin-file=", "0600"]), ("other kek", ["only operation"]), ("ec kek", ["has no valid member"])])
def test_what_cannot_be_wrapped_is_a_sentence(byok, own, tmp_path, what, words):
    file, _ = own
    key, more = tmp_path / "key.pem", []
    packages.make_key(key, "RSA-2048")
    secret = tmp_path / "passphrase"
    secret.write_text("secret\n")
    secret.chmod(0o644 if what == "exposed passphrase" else 0o600)
    if what == "rsa 1024":
        ok("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", key)
    if what == "ed25519":
        ok("openssl", "genpkey", "-algorithm", "ED25519", "-out", key)
    if what == "text":
        key.write_text("a text\n")
    if what == "missing":
        key.unlink()
    if "passphrase" in what:
        ok("openssl", "pkcs8", "-topk8", "-in", key, "-passout", "pass:other", "-out", tmp_path / "encrypted")
        key = tmp_path / "encrypted"
        more = [] if what == "no passphrase" else ["--passin-file", secret]
    kek = json.loads(file.read_text())
    if what == "other kek":
        kek["key"]["key_ops"] = ["import", "wrapKey"]
    if what == "ec kek":
        kek["key"].update(kty="EC-HSM", crv="P-256")
    file.write_text(json.dumps(kek))
    result = byok("wrap", "--kek", file, "--key", key, "-o", "made.byok", *more)
    refuses(result, *[w if w != "passphrase is wrong" else "password is wrong" for w in words])
    assert not (tmp_path / "made.byok").exists()


def with_terminal(argv, cwd, typed, env):
    """Run argv with a terminal of its own; the exit status and what the terminal showed."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(argv[0], [str(a) for a in argv], env)
    shown, end = b"", time.monotonic() + 30
    waiting = list(typed)
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
            if waiting and shown.rstrip().endswith(b":"):
                os.write(master, waiting.pop(0))
                shown += b"|"  # so that this prompt is not taken for the next one
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return status, shown.decode(errors="replace")


def test_a_passphrase_is_asked_for_on_the_terminal_and_not_shown(own, tmp_path):
    file, kek = own
    plain = packages.make_key(tmp_path / "plain.pem", "P-256")
    ok("openssl", "pkcs8", "-topk8", "-in", plain, "-passout", "pass:open sesame", "-out", tmp_path / "key.pem")
    argv = [KVFS, "byok", "wrap", "--kek", file, "--key", "key.pem", "-o", "made.byok"]
    status, shown = with_terminal(argv, tmp_path, [b"wrong\n", b"open sesame\n"], environment())
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert "Passphrase of key.pem" in shown and "once more" in shown
    assert "sesame" not in shown and "wrong" not in shown
    packages.unwrap((tmp_path / "made.byok").read_text(), kek)


def test_ctrl_c_at_the_passphrase_ends_it_and_writes_nothing(own, tmp_path):
    file, _ = own
    plain = packages.make_key(tmp_path / "plain.pem", "P-256")
    ok("openssl", "pkcs8", "-topk8", "-in", plain, "-passout", "pass:x", "-out", tmp_path / "key.pem")
    argv = [KVFS, "byok", "wrap", "--kek", file, "--key", "key.pem", "-o", "made.byok"]
    status, shown = with_terminal(argv, tmp_path, [b"\x03"], environment())
    assert os.WIFSIGNALED(status), (status, shown)
    assert not (tmp_path / "made.byok").exists()


def test_memory_is_locked_and_cannot_be_dumped_while_a_key_is_read(own, tmp_path):
    """Seen from outside while it waits for the key at its standard input."""
    if harness.report_in("") or "sanitize" in KVFS:
        pytest.skip("not with a sanitizer")
    file, _ = own
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    child = harness.Process([KVFS, "byok", "wrap", "--kek", file, "--key", fifo, "-o", tmp_path / "made.byok"],
                            tmp_path, "wrap", env=environment())
    status = pathlib.Path(f"/proc/{child.pid}/status")
    harness.eventually(lambda: int(status.read_text().partition("VmLck:")[2].split()[0]) > 0, "locked memory")
    harness.eventually(lambda: pathlib.Path(f"/proc/{child.pid}/limits").read_text().partition("Max core file size")[2]
                       .split()[:2] == ["0", "0"], "no core dumps")
    fifo.write_bytes(packages.make_key(tmp_path / "key.pem", "P-256").read_bytes())
    assert child.wait() == 0


def test_an_ordinary_user_with_little_memory_to_lock_can_wrap(own, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    file, kek = own
    folder = tmp_path / "user"
    folder.mkdir()
    packages.make_key(folder / "key.pem", "RSA-2048")
    (folder / "kek.json").write_bytes(file.read_bytes())
    for p in (folder, *folder.iterdir()):
        os.chown(p, 12345, 12345)
    for p in (tmp_path, *tmp_path.parents):
        if p.stat().st_uid == 0 and p != pathlib.Path("/") and not p.stat().st_mode & 0o001:
            p.chmod(p.stat().st_mode | 0o011)
    result = run("prlimit", "--memlock=8388608:8388608", KVFS, "byok", "wrap", "--kek", "kek.json", "--key", "key.pem",
                 "-o", "made.byok", cwd=folder, env=environment(), user=12345)
    assert result.code == 0, result
    packages.unwrap((folder / "made.byok").read_text(), kek)


def test_the_key_is_in_no_argument_and_in_no_output(byok, own, tmp_path):
    file, _ = own
    key = packages.make_key(tmp_path / "key.pem", "RSA-2048")
    result = succeeds(byok("wrap", "--kek", file, "--key", key, "-o", "made.byok"))
    body = "".join(key.read_text().splitlines()[1:-1])
    for text in (result.out, result.err, (tmp_path / "made.byok").read_text()):
        assert not any(body[i:i + 24] in text for i in range(0, len(body) - 24, 8))
    der = packages.load(key).private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption())
    assert der[100:120] not in packages.decode(json.loads((tmp_path / "made.byok").read_text())["ciphertext"])


# show.

def test_show_explains_a_package(byok, own, tmp_path):
    file, _ = own
    key = packages.make_key(tmp_path / "key.pem", "RSA-3072")
    succeeds(byok("wrap", "--kek", file, "--key", key, "-o", "made.byok"))
    out = succeeds(byok("show", "made.byok")).out
    assert "an RSA key of 3072 bits, encrypted with a KEK of 2048 bits" in out
    assert "first.vault.localhost" in out and "KEK" in out and "kvfs " in out


def test_show_explains_a_vendors_package(byok):
    out = succeeds(byok("show", VENDOR)).out
    assert "for securosysprimuskeyvault.vault.azure.net" in out
    assert "an RSA key of 4096 bits, encrypted with a KEK of 4096 bits" in out
    assert "Primus Java BYOK-Tool v1.2; GRIMSEL RX-2.9.0-T" in out


def test_show_does_not_write_escapes_to_the_terminal(byok, tmp_path):
    package = json.loads(VENDOR.read_text())
    package["generator"] = "\x1b]0;title\x07\x1b[2J"
    (tmp_path / "evil.byok").write_text(json.dumps(package))
    assert "\x1b" not in succeeds(byok("show", "evil.byok")).out
    package["schema_version"] = "\x1b[2J"
    (tmp_path / "evil.byok").write_text(json.dumps(package))
    assert "\x1b" not in refuses(byok("show", "evil.byok")).err


def test_other_uses_are_a_sentence(byok, tmp_path):
    refuses(byok("unwrap"), "is not kek, wrap or show")
    refuses(byok("show"), "takes one argument")
    refuses(byok("wrap"), "--kek is missing")
    refuses(byok("wrap", "--keck", "x"), "kvfs: byok wrap: unknown option '--keck' (kvfs byok -h lists the options)")
    refuses(byok("kek", "--size"), "kvfs: byok kek: --size needs a value")
    refuses(byok("wrap", "--kek", "x"), "--key")
    refuses(byok("wrap", "--kek", "x", "--key", "y"), "-o NAME.byok")
    assert "usage: kvfs byok" in fails(KVFS, "byok", env=environment()).err
    assert "usage: kvfs byok" in ok(KVFS, "byok", "-h", env=environment())


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
def test_an_explanation_that_is_lost_is_a_failure(to):
    refuses(run(shell=f"{KVFS} byok show {VENDOR} {to}"), "standard output")


def test_a_package_is_never_a_file_called_dash(byok, own, tmp_path):
    key = packages.make_key(tmp_path / "mine.pem", "P-256")
    refuses(byok("wrap", "--kek", own[0], "--key", key, "-o", "-"), "-o -")
    assert not (tmp_path / "-").exists()
