"""What a mount takes of memory stays within what the man page states, however large the blobs are."""
import base64
import re

import pytest

from fakeserver import FakeVault, secret_item
from harness import KVFS, ok

MIB = 1 << 20
SIZE = 29 * MIB
HEADER = base64.urlsafe_b64encode(b'{"kid":"k","alg":"dir","enc":"A256CBC-HS512"}').rstrip(b"=")


def peak_mib(m):
    """The most that kvfs had in memory so far."""
    status = open(f"/proc/{m.process.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024


def body_of(size):
    head = b")AzureKeyVaultSecretBackupV1.microsoft.com" + HEADER + b".." + b"B" * 22 + b"."
    blob = head + b"C" * ((size - len(head) - 44) // 4 * 4) + b"." + b"D" * 43
    return b'{"value":"' + base64.urlsafe_b64encode(blob).rstrip(b"=") + b'"}'


# Without the small ones, and with so many that a lot is fetched ahead when the first large one comes.
@pytest.fixture(params=[0, 400])
def large(tmp_path, request):
    """A fake vault: secrets of 3 kB, and behind them 24 larger than 500 versions of 25 kB make them."""
    bodies = {"small": body_of(3000), "large": body_of(SIZE)}

    def answer(method, path, headers, content):
        return (200, {}, bodies[path.split("/")[2][:5]]) if path.split("?")[0].endswith("/backup") else None

    names = [f"small{i:03}" for i in range(request.param)] + [f"large{i:02}" for i in range(24)]
    with FakeVault(tmp_path, {"secrets": [secret_item(name) for name in names]}, answer=answer) as fake:
        yield fake


READERS = {
    "cp": "cp -r $m/secrets $d",
    "cat": "cat $m/secrets/*.blob >/dev/null",
}


@pytest.mark.seconds(400)
@pytest.mark.parametrize("tool", READERS)
def test_large_blobs_one_after_the_other_take_no_more_than_the_bound(vault, mount, large, tmp_path, tool):
    m = mount(vault, f"cacert={large.ca}", "ro", url=large.url, env=large.environment(), rate=None)
    copy = tmp_path / "copy"
    copy.mkdir()
    ok(shell=f"m={m.path}; d={copy}; {READERS[tool]}", seconds=300)
    for path in copy.rglob("large*.blob"):
        assert SIZE - 50 < path.stat().st_size <= SIZE
    print(f"{tool}: {peak_mib(m):.0f} MiB at most")
    if "sanitize" not in KVFS:  # they keep what was freed
        assert peak_mib(m) <= 200
