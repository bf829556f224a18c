"""The network forgets connections without a word: suspend, VPN, NAT. Nothing waits long, nothing is lost."""
import subprocess
import time

import pytest

from between import Relay, gateway
from fakeserver import FakeVault
from harness import ok, passes, run


@pytest.fixture
def relay(vaults):
    vault = vaults("first", seed="secrets=40")
    relay = Relay(vault)
    yield relay
    relay.close()


@pytest.fixture
def http2_relay(vaults, tmp_path):
    vault = vaults("first", seed="secrets=40")
    with gateway(vault, tmp_path / "front", http2=True) as front:
        relay = Relay(vault, front.front)
        front.front = relay.port  # what the vault is called
        yield relay
        relay.close()


def read_side_by_side(m, names):
    """By as many connections as it takes."""
    children = [subprocess.Popen(["cat", str(m / "secrets" / n)], stdout=subprocess.DEVNULL) for n in names]
    for child in children:
        assert child.wait(60) == 0


@pytest.mark.seconds(200)
@pytest.mark.parametrize("kind", ["relay", "http2_relay"])
def test_a_read_after_all_connections_died_takes_no_longer_than_25_seconds(request, mount, kind):
    relay = request.getfixturevalue(kind)
    m = mount(relay.vault, "prefetch=0", url=relay.url)
    names = m.names("secrets")
    read_side_by_side(m, names[:8])
    assert relay.n > 1 or kind == "http2_relay"
    relay.forget()
    start = time.monotonic()
    ok("cat", m / "secrets" / names[20])
    assert time.monotonic() - start < 25
    start = time.monotonic()
    read_side_by_side(m, names[21:29])
    assert time.monotonic() - start < 10
    m.unmount()


@pytest.mark.seconds(200)
def test_a_connection_that_died_a_while_ago_is_not_waited_for(relay, mount):
    m = mount(relay.vault, "prefetch=0", url=relay.url)
    names = m.names("secrets")
    read_side_by_side(m, names[:8])
    relay.forget()
    passes(17)
    start = time.monotonic()
    read_side_by_side(m, names[20:28])
    assert time.monotonic() - start < 10
    m.unmount()


@pytest.mark.seconds(200)
def test_the_first_restore_after_all_connections_died_succeeds(relay, mount, tmp_path):
    vault = relay.vault
    name, other = vault.list("secrets")[:2]
    blobs = {n: vault.backup("secrets", n) for n in (name, other)}
    for n, blob in blobs.items():
        (tmp_path / n).write_bytes(blob)
        vault.lose("secrets", n)
    m = mount(vault, url=relay.url)
    read_side_by_side(m, m.names("secrets")[:8])
    relay.forget()
    passes(11)
    start = time.monotonic()
    ok("cp", tmp_path / name, m / f"restore/secrets/{name}.blob", seconds=60)
    assert time.monotonic() - start < 25
    ok("cp", tmp_path / other, m / f"restore/secrets/{other}.blob", seconds=60)
    assert vault.count("restore", 200) == 2
    assert {name, other} <= set(vault.list("secrets"))
    m.unmount()


def test_a_new_connection_resumes_the_tls_session_of_another(vault, mount, tmp_path):
    def answer(method, path, headers, body):
        if path.startswith("/secrets/"):
            time.sleep(0.5)  # so that all are under way at once
            return 404, {"Connection": "close"}, {"error": {"code": "SecretNotFound", "message": "nothing here"}}
        return None

    with FakeVault(tmp_path, {}, answer=answer) as fake:
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment())
        before = fake.context.session_stats()
        run(shell=f"for i in $(seq 12); do cat {m.path}/secrets/missing$i.blob & done; wait")
        m.unmount()
        stats = fake.context.session_stats()
    made, resumed = (stats[name] - before[name] for name in ("accept_good", "hits"))
    assert made >= 8
    assert resumed >= made / 2
