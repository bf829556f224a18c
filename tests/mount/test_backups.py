"""What the vault answers to a backup is examined: nothing that is no backup of the object is ever archived."""
import base64

import pytest

from fakeserver import FakeVault, secret_item
from harness import errno_of, eventually, fails, ok, run, tree

# A blob of a secret as the service makes them, and one of a key or certificate.
JWE = (base64.urlsafe_b64encode(b'{"kid":"k","alg":"RSA-OAEP-256","enc":"A256CBC-HS512"}').rstrip(b"=") +
       b"." + b"A" * 342 + b"." + b"B" * 22 + b"." + b"C" * 1200 + b"." + b"D" * 43)
SECRET = b")AzureKeyVaultSecretBackupV1.microsoft.com" + JWE
KEY = b"&AzureKeyVaultKeyBackupV1.microsoft.com" + JWE
OTHER_SERVERS = bytes(range(256)) * 4

BAD = {
    "cut in the middle": (SECRET[:900], "truncated blob"),
    "cut in the tag": (SECRET[:-11], "truncated blob"),
    "only the magic": (SECRET[:42], "truncated blob"),
    "one byte": (b"x", "too short for a blob"),
    "an error text": (b"backup failed", "too short for a blob"),
    "another type's": (KEY, "blob of a key or certificate for a secret"),
}


class Vault:
    """A fake vault with secrets one and two; their backups are what the test says."""

    def __init__(self, directory):
        self.blobs = {"one": SECRET, "two": SECRET}
        self.fake = FakeVault(directory, {"secrets": [secret_item("one"), secret_item("two")]}, answer=self.answer)

    def answer(self, method, path, headers, body):
        name = path.split("/")[2] if path.count("/") > 2 else None
        if method != "POST" or not path.split("?")[0].endswith("/backup") or name not in self.blobs:
            return None
        return 200, {}, {"value": base64.urlsafe_b64encode(self.blobs[name]).decode().rstrip("=")}

    def backups(self):
        return sum(path.split("?")[0].endswith("/backup") for _, path, _, _ in self.fake.requests)


@pytest.fixture
def fake(tmp_path):
    vault = Vault(tmp_path)
    with vault.fake:
        yield vault


@pytest.fixture
def mounted(vault, mount, fake):
    """A function that mounts the fake vault."""
    def start(*options, after=None):
        return mount(vault, f"cacert={fake.fake.ca}", "ro", *options, url=fake.fake.url,
                     env=fake.fake.environment(), again=after)

    return start


@pytest.mark.parametrize("what", BAD)
def test_an_answer_that_is_no_backup_is_ebadmsg_and_one_line(fake, mounted, what):
    fake.blobs["one"], says = BAD[what]
    m = mounted()
    assert errno_of("open", m / "secrets/one.blob") == "EBADMSG"
    line = m.line(op="backup", object="secrets/one", errno="EBADMSG")
    assert says in line["why"]
    assert ok("cat", m / "secrets/two.blob", text=False) == SECRET


@pytest.mark.parametrize("tool", ["cp -r $m/secrets $d", "rsync -a $m/secrets $d", "tar -C $m -cf $d/a.tar secrets",
                                  "cat $m/secrets/*.blob >$d/all"])
def test_a_bad_answer_fails_the_tool_and_is_asked_for_again_by_the_next(fake, mounted, tmp_path, tool):
    fake.blobs["one"] = SECRET[:900]
    m = mounted()
    copy = tmp_path / "copy"
    copy.mkdir()
    fails(shell=f"m={m.path}; d={copy}; {tool}")
    assert int(ok("stat", "-c", "%s", m / "secrets/one.blob")) == 1
    fake.blobs["one"] = SECRET
    # The first try may still be of the stat above: the same failure, or ESTALE for the size 1.
    eventually(lambda: run("cat", m / "secrets/one.blob", text=False).out == SECRET, "the whole blob", 5)
    assert ok("stat", "-c", "%s", m / "secrets/one.blob").strip() == str(len(SECRET))


def test_nothing_of_a_bad_answer_is_kept_for_the_next_mount(fake, mounted, tmp_path):
    fake.blobs["one"] = SECRET[:900]
    options = ("cache=disk", f"cache_dir={tmp_path / 'kept'}")
    m = mounted(*options)
    assert run("cp", "-r", m / "secrets", tmp_path / "copy").code > 0
    m.unmount()
    assert [path for path in tree(tmp_path / "kept") if path.endswith("/ONE")] == []
    fake.blobs["one"] = SECRET
    m = mounted(*options, after=m)
    before = fake.backups()
    assert ok("stat", "-c", "%s", m / "secrets/one.blob").strip() == str(len(SECRET))
    assert ok("cat", m / "secrets/one.blob", text=False) == SECRET
    assert ok("cat", m / "secrets/two.blob", text=False) == SECRET
    assert fake.backups() - before == 1


def test_a_format_that_kvfs_does_not_know_is_the_servers_own_affair(fake, mounted):
    fake.blobs["one"] = OTHER_SERVERS
    m = mounted()
    assert ok("cat", m / "secrets/one.blob", text=False) == OTHER_SERVERS


def test_a_429_with_a_long_retry_after_is_ebusy_and_believed_for_10_s_at_a_time(vault, mount):
    m = mount(vault, "timeout=3", rate=None)
    names = m.names("secrets")
    vault.fault(operation="backup", status=429, retry_after=86400)
    # The first one was sent; the second one waits behind a class that is closed.
    for name in names[:2]:
        assert errno_of("open", m / "secrets" / name) == "EBUSY"
    assert m.line(event="closed")["class"] == "light"
    vault.clear()
    eventually(lambda: errno_of("open", m / "secrets" / names[2]) == "0", "the vault serves requests again", 15)
    assert m.line(event="reopened")["class"] == "light"
