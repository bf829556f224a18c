"""Clouds, proxies, certificates, addresses, and networks that are not there yet; and what kvfs says of each."""
import contextlib
import os
import signal
import socket
import ssl
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from between import Gateway, certificate
from fakeserver import FakeVault, secret_item
from harness import (KVFS, LOCALVAULT, PRIVATE_MOUNTS, Mount, Process, closed_port, environment, eventually, is_mounted,
                     needs_private_mounts, ok, run)
from network import (DAY, Authority, Proxy, Socks, closes, is_silent, resets, server, speaks_http, with_tls)

NETWORK_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE",
                     "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


@pytest.fixture
def start(tmp_path):
    """Try to mount url, and say what the start says."""
    point = tmp_path / "point"
    point.mkdir()

    def go(url, *options, env=None, seconds=60, program=()):
        argv = [x for option in ("auth=env", *options) for x in ("-o", option)]
        ids = {"AZURE_TENANT_ID": "t.example", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
        result = run(*program, KVFS, *argv, url, point, env=environment(None, **{**ids, **(env or {})}), cwd=tmp_path,
                     seconds=seconds)
        if is_mounted(point):
            ok("fusermount3", "-u", point)
        assert result.code == 1 and result.out == "" and len(result.err.splitlines()) == 1, result
        return result.err.strip()

    return go


def works(m, vault):
    """Lists and reads through the mount."""
    names = vault.list("secrets")
    assert sorted(m.names("secrets")) == sorted(f"{name}.blob" for name in names)
    ok("cat", m / "secrets" / f"{names[0]}.blob")
    return m


def mounted_line(m):
    """The message with certificates and proxy, which is in the mount's own log."""
    line, = [line for line in ok("cat", m / ".kvfs/log").splitlines() if "event=mounted" in line]
    return line


# What the sentence of a connection that fails says.

@pytest.mark.parametrize("serve,words", [
    (closes, "closes the connection in the TLS handshake"),
    (resets, "closes the connection in the TLS handshake"),
    (speaks_http, "does not speak TLS on this port"),
])
def test_a_port_without_tls_is_told_from_one_that_breaks_off(start, serve, words):
    with server(serve) as port:
        said = start(f"https://localhost:{port}")
        assert said.startswith(f"kvfs: localhost:{port} {words}"), said


def test_a_port_without_a_listener_is_one_that_refuses(start):
    port = closed_port()
    said = start(f"https://127.0.0.1:{port}")
    assert said == f"kvfs: 127.0.0.1:{port} refuses connections: is the port right?"


def test_a_name_that_dns_does_not_know_is_perhaps_of_a_deleted_vault(start):
    said = start("https://no-such-vault.invalid")
    assert said == ("kvfs: no-such-vault.invalid cannot be resolved: DNS does not know this name: is it wrong, or that of "
                    "a vault that was deleted, or is this machine offline?")


def test_no_route_is_said(start):
    if os.geteuid() != 0 or run("unshare", "--net", "true").code != 0:
        pytest.skip("a network without routes needs root")
    said = start("https://192.0.2.1", program=("unshare", "--net"))
    assert said.startswith("kvfs: 192.0.2.1 cannot be reached ("), said


@pytest.mark.seconds(60)
def test_a_server_that_accepts_and_is_silent_is_said(start):
    with server(is_silent) as port:
        said = start(f"https://127.0.0.1:{port}")
        assert said == f"kvfs: 127.0.0.1:{port} accepts a connection and then does not answer"


def test_an_unknown_ca_is_named(start, tmp_path):
    pem = Authority(tmp_path, "Corp Inspection CA").sign("localhost")
    with server(with_tls(pem)) as port:
        said = start(f"https://localhost:{port}")
        assert f"localhost:{port} has a certificate from a CA that this machine does not trust" in said
        assert "(CN = Corp Inspection CA)" in said and "cacert=FILE" in said


def test_the_name_of_a_ca_cannot_control_a_terminal(start, tmp_path):
    pem = Authority(tmp_path, "red \x1b[31m \xe9\n").sign("localhost")
    with server(with_tls(pem)) as port:
        said = start(f"https://localhost:{port}")
        assert said.isascii() and said.isprintable() and "CN = red " in said, said


@pytest.mark.parametrize("start_at,end_at,words", [(-3 * DAY, -2 * DAY, "expired"), (DAY, 2 * DAY, "begins")])
def test_a_certificate_of_another_time_blames_the_clock_with_both_times(start, tmp_path, start_at, end_at, words):
    ca = Authority(tmp_path, "ca")
    pem = ca.sign("localhost", start=start_at, end=end_at)
    with server(with_tls(pem)) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert f"localhost:{port} has a certificate that {words} 20" in said and said.endswith("is the clock wrong?")
        assert f"this machine's clock says {time.strftime('%Y-', time.gmtime())}" in said


def test_a_certificate_for_another_host_is_said(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("other.example"))) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert f"localhost:{port} has a certificate for another host" in said


def test_an_old_tls_version_is_said(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    old = with_tls(ca.sign("localhost"), minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    with server(old) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert said == f"kvfs: localhost:{port} has no TLS 1.2 or later"


def test_a_certificate_that_is_refused_for_another_reason_has_openssls_words(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("localhost", usage=ExtendedKeyUsageOID.CLIENT_AUTH))) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert said.startswith(f"kvfs: localhost:{port} has a certificate that is refused: ") and "purpose" in said


def test_a_server_that_requires_a_certificate_of_the_client_is_said(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("localhost"), verify_mode=ssl.CERT_REQUIRED)) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert said.startswith(f"kvfs: localhost:{port} requires a certificate of the client"), said


def test_a_server_without_a_common_cipher_is_said(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("localhost"), maximum_version=ssl.TLSVersion.TLSv1_2, ciphers="DHE-RSA-AES128-SHA")) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert said.startswith(f"kvfs: localhost:{port} and kvfs do not agree on TLS ("), said


def test_a_server_that_ends_without_an_answer_is_said(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("localhost"))) as port:
        said = start(f"https://localhost:{port}", f"cacert={ca.pem}")
        assert said.startswith(f"kvfs: localhost:{port} gave no answer ("), said


@pytest.mark.seconds(60)
def test_a_host_that_never_answers_is_perhaps_behind_a_firewall(start):
    port = closed_port()
    with black_hole(port):
        said = start(f"https://[::1]:{port}")
        assert said == f"kvfs: [::1]:{port} does not answer: is a firewall in between?"


def test_the_token_services_failures_are_told_from_the_vaults(start, tmp_path):
    with FakeVault(tmp_path, {}) as fake:
        port = closed_port()
        said = start(fake.url, f"cacert={fake.ca}", env={"AZURE_AUTHORITY_HOST": f"localhost:{port}"})
        assert f"localhost:{port} refuses connections" in said and "token" in said and fake.host not in said


# Certificates.

def test_a_variable_replaces_the_systems_certificates_and_the_log_names_it(vault, tmp_path, watchdog):
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        m = Mount(tmp_path / variable, [vault.url], environment(vault, **{variable: vault.ca}))
        watchdog.processes.append(m.process)
        try:
            works(m.wait_until_mounted(), vault)
            assert f'ca="{variable}={vault.ca}"' in mounted_line(m)
            m.unmount()
        finally:
            m.discard()


def test_the_first_variable_counts_and_cacert_adds(vault, mount, tmp_path):
    other = Authority(tmp_path, "other").pem
    m = mount(vault, env={"CURL_CA_BUNDLE": other, "REQUESTS_CA_BUNDLE": "/no/such"})
    assert f"CURL_CA_BUNDLE={other} cacert={vault.ca}" in mounted_line(works(m, vault))


def test_a_directory_of_hashed_certificates_is_used(vault, tmp_path, watchdog):
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(open(vault.ca, "rb").read())
    ok("openssl", "rehash", folder)
    m = Mount(tmp_path / "m", [vault.url], environment(vault, SSL_CERT_DIR=folder))
    watchdog.processes.append(m.process)
    try:
        works(m.wait_until_mounted(), vault)
        m.unmount()
    finally:
        m.discard()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("what", ["missing", "empty"])
def test_certificates_that_cannot_be_read_are_named_with_their_variable(start, tmp_path, variable, what):
    path = tmp_path / "certificates"
    if what == "empty":
        path.mkdir() if variable == "SSL_CERT_DIR" else path.write_text("nothing\n")
    said = start("https://localhost:1", env={variable: path})
    assert said.startswith(f"kvfs: {variable}={path}: "), said


def test_sighup_reads_the_certificates_again(vault, tmp_path, watchdog):
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(open(vault.ca, "rb").read())
    m = Mount(tmp_path / "m", ["-o", "timeout=3", vault.url], environment(vault, SSL_CERT_FILE=bundle))
    watchdog.processes.append(m.process)
    try:
        works(m.wait_until_mounted(), vault)
        bundle.write_text("damaged\n")
        m.process.child.send_signal(signal.SIGHUP)
        assert f"SSL_CERT_FILE={bundle}: no certificate" in m.line(event="reloaded")["why"]
        works(m, vault)  # the old ones stay
        bundle.write_bytes(Authority(tmp_path, "other").pem.read_bytes())
        m.process.child.send_signal(signal.SIGHUP)
        eventually(lambda: len(m.lines(event="reloaded")) == 2, "the second reload")
        unread = m / "secrets" / f"{vault.list('secrets')[1]}.blob"
        vault.fault(action="close")  # the next request breaks, and is repeated on a new connection
        line = eventually(lambda: run("cat", unread).code != 0 and m.lines(op="backup"), "a failed read", 20)[0]
        assert "does not trust" in line["why"] and line["errno"] == "EPROTO", line.text
        m.unmount()
    finally:
        m.discard()


# Addresses.

@pytest.mark.parametrize("entry", ["first.vault.test:127.0.0.1", "other.test:10.0.0.1+first.vault.test:{port}:127.0.0.1"])
def test_resolve_connects_to_an_address_that_dns_does_not_know(vaults, mount, entry):
    vault = vaults("first", seed="secrets=2", options=["--suffix", "vault.test"])
    m = mount(vault, f"resolve={entry.format(port=vault.port)}")
    assert "resolve=" in mounted_line(works(m, vault))


def test_resolve_is_for_its_port_and_host_only(vaults, start):
    vault = vaults("first", options=["--suffix", "vault.test"])
    for entry in (f"first.vault.test:{vault.port + 1}:127.0.0.1", "second.vault.test:127.0.0.1"):
        assert "cannot be resolved" in start(vault.url, f"cacert={vault.ca}", f"resolve={entry}")


def test_a_vault_on_an_ipv6_address_is_mounted(vaults, mount, start, tmp_path):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    lists = {"secrets": [secret_item("one", host="[::1]:1")]}
    with FakeVault(tmp_path, lists, address="::1") as fake:
        lists["secrets"][0]["id"] = f"{fake.url}/secrets/one"
        assert fake.url.startswith("https://[::1]:")
        vault = vaults("first")
        m = mount(vault, f"cacert={fake.ca}", url=fake.url, env=fake.environment())
        assert m.names("secrets") == ["one.blob"]
        assert f"vault=[::1]:{fake.port}" in mounted_line(m)
        m.unmount()


def test_a_vault_that_only_ipv6_reaches_is_mounted(vaults, mount):
    vault = vaults("first", seed="secrets=2", listen="[::1]:0")
    works(mount(vault, "resolve=first.vault.localhost:[::1]"), vault)


@contextlib.contextmanager
def black_hole(port):
    """An IPv6 port whose connections are never made: its queue is full."""
    with socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(("::1", port))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(20):
                s = socket.socket(socket.AF_INET6)
                s.setblocking(False)
                s.connect_ex(("::1", port))
                waiting.append(s)
            yield
        finally:
            for s in waiting:
                s.close()


def test_an_ipv6_address_that_never_answers_does_not_hold_up_the_start(vaults, mount):
    vault = vaults("first", seed="secrets=2")
    with black_hole(vault.port):  # localhost and the names below it have both addresses
        begin = time.monotonic()
        works(mount(vault), vault)
        assert time.monotonic() - begin < 8


# A gateway.

def test_behind_a_gateway_the_vault_keeps_its_public_name(vaults, mount, start, tmp_path):
    vault = vaults("first", seed="secrets=60", options=["--page", "25"])
    gateway = Gateway(vault, tmp_path / "front", name="gateway.test")
    try:
        through = ("resolve=gateway.test:127.0.0.1", f"cacert={vault.ca}")
        said = start(gateway.url, *through, env={"AZURE_AUTHORITY_HOST": vault.authority})
        assert "requests a token for" in said and "another service" in said
        m = mount(vault, *through[:1], "public_host=first.vault.localhost", url=gateway.url)
        names = works(m, vault).names("secrets")
        assert len(names) == 60 and any("skiptoken" in path for _, path in gateway.requests)
        blob = tmp_path / "blob"
        blob.write_bytes(open(m / "secrets" / names[0], "rb").read())
        vault.lose("secrets", names[0].removesuffix(".blob"))
        ok("cp", blob, m / "restore/secrets" / names[0])
        assert "public_host=first.vault.localhost" in mounted_line(m)
        m.unmount()
    finally:
        gateway.close()


def test_a_vault_of_another_name_than_public_host_is_refused(vaults, start):
    vault = vaults("first", "second", seed="secrets=1,vault=second", options=["--no-empty-pages"])
    env = environment(vault)
    said = start(vault.urls["second"], f"cacert={vault.ca}", "public_host=first.vault.localhost",
                 env={k: env[k] for k in env if k.startswith("AZURE_")})
    assert "another vault" in said, said


def test_resource_is_what_the_challenge_must_name(vaults, mount, start):
    vault = vaults("first", seed="secrets=2")
    resource = vault.resource()
    works(mount(vault, f"resource={resource}/"), vault)
    said = start(vault.url, f"cacert={vault.ca}", "resource=https://keys.example",
                 env={"AZURE_AUTHORITY_HOST": vault.authority})
    assert f"requests a token for {resource}, not for https://keys.example" in said


# Proxies.

@pytest.fixture
def far_vault(vaults):
    """A vault that only a proxy can find."""
    return vaults("first", seed="secrets=2", options=["--suffix", "vault.test"])


def test_the_proxy_of_the_option_is_used_and_named(far_vault, mount):
    proxy = Proxy()
    with server(proxy) as port:
        m = works(mount(far_vault, f"proxy=http://127.0.0.1:{port}", env={"https_proxy": "http://127.0.0.1:1"}),
                  far_vault)
        assert f"first.vault.test:{far_vault.port}" in proxy.targets
        assert f'proxy=127.0.0.1:{port} proxy_of="-o proxy"' in mounted_line(m)
        m.unmount()


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(far_vault, mount, variable):
    proxy = Proxy(user="me:s3cret/")
    with server(proxy) as port:
        m = works(mount(far_vault, env={variable: f"http://me:s3cret%2F@127.0.0.1:{port}"}), far_vault)
        assert f"proxy=127.0.0.1:{port} proxy_of={variable}" in mounted_line(m)
        assert "s3cret" not in ok("cat", m / ".kvfs/log") and "s3cret" not in ok("cat", m / ".kvfs/status")
        m.unmount()
        assert "s3cret" not in m.process.err


def test_proxy_none_and_no_proxy_reach_the_vault_directly(vault, mount):
    for option, env in (("proxy=none", {}), ("timeout=300", {"no_proxy": ".localhost"}),
                        ("timeout=300", {"NO_PROXY": "*"})):
        m = works(mount(vault, option, env={"https_proxy": "http://127.0.0.1:1", **env}), vault)
        assert "proxy=" not in mounted_line(m)
        m.unmount()


def test_no_proxy_takes_address_ranges(tmp_path, vault, mount):
    lists = {"secrets": []}
    with FakeVault(tmp_path, lists) as fake:
        url = f"https://127.0.0.1:{fake.port}"
        m = mount(vault, f"cacert={fake.ca}", "no_challenge_verify", url=url,
                  env={**fake.environment(), "AZURE_AUTHORITY_HOST": url, "all_proxy": "http://127.0.0.1:1",
                       "no_proxy": "127.0.0.0/8"})
        assert "proxy=" not in mounted_line(m)
        m.unmount()


def test_a_proxy_may_be_reached_by_tls(far_vault, mount, tmp_path):
    proxy = Proxy()
    key, signed = certificate(far_vault, tmp_path / "proxy", "proxy.localhost")
    pem = tmp_path / "proxy.pem"
    pem.write_bytes(key.read_bytes() + signed.read_bytes())
    with server(with_tls(pem, then=proxy)) as port:
        works(mount(far_vault, f"proxy=https://proxy.localhost:{port}"), far_vault)
        assert proxy.requests


def test_the_certificate_of_a_proxy_is_the_proxys_fault(far_vault, start, tmp_path):
    with server(with_tls(Authority(tmp_path, "ca").sign("localhost"))) as port:
        said = start(far_vault.url, f"cacert={far_vault.ca}", f"proxy=https://localhost:{port}")
        assert f"the proxy localhost:{port} (-o proxy) has a certificate from a CA" in said and "(CN = ca)" in said


def test_a_socks_proxy_looks_names_up(far_vault, mount):
    proxy = Socks()
    with server(proxy) as port:
        works(mount(far_vault, f"proxy=socks5h://127.0.0.1:{port}"), far_vault)
        assert f"first.vault.test:{far_vault.port}" in proxy.targets


def test_resolve_gives_a_proxy_the_address(far_vault, mount):
    proxy = Proxy()
    with server(proxy) as port:
        works(mount(far_vault, f"proxy=127.0.0.1:{port}", "resolve=first.vault.test:127.0.0.1"), far_vault)
        assert f"127.0.0.1:{far_vault.port}" in proxy.targets
        assert f"first.vault.test:{far_vault.port}" not in proxy.targets


def test_a_managed_identity_is_never_asked_through_a_proxy(vaults, mount):
    vault = vaults("first", seed="secrets=2", options=["--imds", "127.0.0.1:0"])
    proxy = Proxy()
    with server(proxy) as port:
        m = mount(vault, "auth=managed", f"proxy=http://127.0.0.1:{port}",
                  env={"AZURE_CLIENT_SECRET": None, "AZURE_CLIENT_ID": None, "AZURE_TENANT_ID": None,
                       "AZURE_POD_IDENTITY_AUTHORITY_HOST": vault.imds})
        works(m, vault)
        assert proxy.targets == {f"first.vault.localhost:{vault.port}"}


def test_a_password_in_the_configuration_file_is_used_and_never_shown(far_vault, mount, tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    proxy = Proxy(user="me:s3cret")
    with server(proxy) as port:
        file = config / "kvfs.conf"
        file.write_text(f"proxy = http://me:s3cret@127.0.0.1:{port}\n")
        file.chmod(0o600)
        m = works(mount(far_vault, env={"XDG_CONFIG_HOME": config}), far_vault)
        assert f'proxy=127.0.0.1:{port} proxy_of="{file} line 1"' in mounted_line(m)
        printed = ok(KVFS, "--print-config", far_vault.url, env=environment(far_vault, XDG_CONFIG_HOME=config))
        assert "(not shown)" in printed and "s3cret" not in printed
        assert "s3cret" not in ok("cat", m / ".kvfs/log")
        m.unmount()
        assert "s3cret" not in m.process.err
        file.chmod(0o644)
        result = run(KVFS, far_vault.url, tmp_path, env=environment(far_vault, XDG_CONFIG_HOME=config))
        assert result.code == 1 and f"{file} line 1" in result.err and "mode 0600" in result.err
        assert "s3cret" not in result.err


def test_a_wrong_password_of_a_proxy_is_said_without_it(far_vault, start):
    with server(Proxy(user="me:right")) as port:
        said = start(far_vault.url, f"cacert={far_vault.ca}", env={"https_proxy": f"http://me:wr0ng@127.0.0.1:{port}"})
        assert f"the proxy 127.0.0.1:{port} (https_proxy) answers 407" in said and "wr0ng" not in said


def test_a_password_that_breaks_the_url_is_never_repeated(start):
    said = start("https://v.vault.test", env={"https_proxy": "http://me:s3@cret@127.0.0.1:1"})
    assert "https_proxy must be the URL of a proxy" in said and "cret" not in said
    said = start("https://v.vault.test", "proxy=http://me:s3cret@127.0.0.1:1")
    assert "must not contain a user name or a password" in said and "s3cret" not in said


@pytest.mark.parametrize("serve,words", [(closes, "closes the connection"), (speaks_http, "answers 400")])
def test_a_proxy_that_breaks_off_is_called_a_proxy(start, serve, words):
    with server(serve) as port:
        said = start("https://v.vault.test", f"proxy=http://127.0.0.1:{port}")
        assert said.startswith(f"kvfs: the proxy 127.0.0.1:{port} (-o proxy) {words}"), said


@pytest.mark.seconds(60)
def test_a_proxy_that_is_silent_is_called_a_proxy(start):
    with server(is_silent) as port:
        said = start("https://v.vault.test", f"proxy=http://127.0.0.1:{port}")
        assert said.startswith(f"kvfs: the proxy 127.0.0.1:{port} (-o proxy) accepts a connection and then"), said


def test_a_socks_proxy_that_is_none_is_called_a_proxy(start):
    with server(speaks_http) as port:
        said = start("https://v.vault.test", f"proxy=socks5h://127.0.0.1:{port}")
        assert said.startswith(f"kvfs: the proxy 127.0.0.1:{port} (-o proxy) closes the connection"), said


def test_a_vaults_certificate_through_a_proxy_is_the_vaults_fault(far_vault, start):
    with server(Proxy()) as port:
        said = start(far_vault.url, f"proxy=http://127.0.0.1:{port}")
        assert said.startswith(f"kvfs: first.vault.test:{far_vault.port} has a certificate from a CA"), said
        assert f"(through the proxy 127.0.0.1:{port} of -o proxy)" in said


# Waiting.

class Later:
    """A vault that was there once, so that its settings are known, and comes back on the same port."""

    def __init__(self, vaults, tmp_path):
        self.vault, self.tmp_path, self.process = vaults("first", seed="secrets=2"), tmp_path, None
        self.vault.stop()

    def come_back(self):
        state = self.vault.directory / "state"
        self.process = Process([LOCALVAULT, "--listen", f"127.0.0.1:{self.vault.port}", "--state", state, "--lag", "0",
                                "--vault", "first"], self.tmp_path, "later")

    def stop(self):
        if self.process:
            self.process.kill()


@pytest.fixture
def later(vaults, tmp_path):
    vault = Later(vaults, tmp_path)
    yield vault
    vault.stop()


def test_the_start_waits_for_a_vault_that_comes_later(later, mount):
    m = mount(later.vault, "retry=60", wait=False)
    line = m.line(event="waiting")
    assert line["errno"] == "ECONNREFUSED" and line["seconds"] == "60" and "refuses connections" in line["why"]
    later.come_back()
    m.wait_until_mounted(40)
    works(m, later.vault)
    assert len(m.lines(event="waiting")) == 1
    m.unmount()


def test_a_start_in_the_background_waits_too(later, tmp_path):
    point = tmp_path / "point"
    point.mkdir()
    seen = []
    with server(seen.append, port=later.vault.port):  # whose connections end at once
        process = Process([KVFS, "-o", f"cacert={later.vault.ca},retry=60", later.vault.url, point], tmp_path, "start",
                          env=environment(later.vault))
        eventually(lambda: seen, "the first try")
    later.come_back()
    try:
        assert process.wait(40) == 0 and is_mounted(point), process.err
        assert sorted(ok("ls", "-1U", point / "secrets").split()) == sorted(
            f"{name}.blob" for name in later.vault.list("secrets"))
    finally:
        process.kill()
        if is_mounted(point):
            ok("fusermount3", "-u", point)


def test_the_last_sentence_says_how_long_it_tried(later, start):
    begin = time.monotonic()
    said = start(later.vault.url, f"cacert={later.vault.ca}", "retry=3")
    assert "refuses connections" in said and said.endswith(" s)") and "(tried for " in said
    assert 2.5 < time.monotonic() - begin < 20


def test_a_signal_ends_the_waiting_at_once(later, mount):
    m = mount(later.vault, "retry=600", wait=False)
    m.line(event="waiting")
    m.process.child.send_signal(signal.SIGTERM)
    assert m.process.wait(5) == 1
    assert "ended by a signal" in m.process.err and "refuses" not in m.process.err.splitlines()[-1]


@pytest.mark.parametrize("status", [503, 500])
def test_the_start_waits_for_a_vault_that_is_overloaded(vaults, mount, status):
    vault = vaults("first", seed="secrets=2")
    vault.fault(operation="list", action="status", status=status)
    m = mount(vault, "retry=60", wait=False)
    # A failing vault is asked again for some seconds in any case.
    line, = eventually(lambda: m.lines(event="waiting"), "the message", 30)
    assert f"answers {status}" in line["why"]
    vault.clear()
    works(m.wait_until_mounted(40), vault)
    m.unmount()


def test_the_start_waits_for_a_token_service_that_is_not_there(vaults, mount):
    vault = vaults("first", seed="secrets=2")
    port = closed_port()
    m = mount(vault, "retry=60", wait=False, env={"AZURE_AUTHORITY_HOST": f"https://localhost:{port}"})
    m.line(event="waiting")
    with server(lambda client: relay_to(client, vault.port), port=port):
        works(m.wait_until_mounted(40), vault)
        m.unmount()


def relay_to(client, port):
    from network import relay
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        relay(client, upstream)


def test_the_start_waits_for_a_managed_identity_that_is_not_there_yet(vaults, mount):
    vault = vaults("first", seed="secrets=2", options=["--imds", "127.0.0.1:0"])
    port = closed_port()
    m = mount(vault, "retry=60", "auth=managed", wait=False,
              env={"AZURE_CLIENT_SECRET": None, "AZURE_CLIENT_ID": None, "AZURE_TENANT_ID": None,
                   "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{port}"})
    m.line(event="waiting")
    there = int(vault.imds.rstrip("/").rpartition(":")[2])
    with server(lambda client: relay_to(client, there), port=port):
        works(m.wait_until_mounted(40), vault)
        m.unmount()


def test_the_start_waits_for_the_clock(start, tmp_path):
    ca = Authority(tmp_path, "ca")
    with server(with_tls(ca.sign("localhost", start=DAY, end=2 * DAY))) as port:
        assert start(f"https://localhost:{port}", f"cacert={ca.pem}", "retry=1").endswith(" s)")


def test_a_refusal_is_not_waited_for(vaults, start, tmp_path):
    vault = vaults("first", seed="secrets=2")
    ids = {"AZURE_TENANT_ID": vault.tenant, "AZURE_CLIENT_ID": vault.client_id, "AZURE_AUTHORITY_HOST": vault.authority}
    begin = time.monotonic()
    start(vault.url, f"cacert={vault.ca}", "retry=600", env={**ids, "AZURE_CLIENT_SECRET": "wrong"})
    start(vault.url, "retry=600", env=ids)
    vault.rights("keys=;secrets=;certificates=")
    start(vault.url, f"cacert={vault.ca}", "retry=600", env={**ids, "AZURE_CLIENT_SECRET": vault.secret})
    assert time.monotonic() - begin < 30


def test_the_start_waits_for_a_name_that_dns_learns_later(vaults, tmp_path, watchdog):
    needs_private_mounts()
    vault = vaults("first", seed="secrets=2", options=["--suffix", "vault.test"])
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files\n")
    inner = f'cd {tmp_path} && for f in hosts nsswitch.conf; do mount --bind $f /etc/$f || exit 99; done; exec "$@"'
    wrap = (*PRIVATE_MOUNTS, "sh", "-c", inner, "sh")
    if run(*wrap, "true").code != 0:
        pytest.skip("this machine lets nobody have an /etc/hosts of their own")
    m = Mount(tmp_path / "m", ["-o", f"cacert={vault.ca},retry=60,debug=audit:listing", vault.url], environment(vault),
              program=wrap)
    watchdog.processes.append(m.process)
    try:
        assert "DNS does not know this name" in m.line(event="waiting")["why"]
        (tmp_path / "hosts").write_text("127.0.0.1 localhost first.vault.test\n")
        eventually(lambda: m.lines(event="mounted"), "the mount, which is seen only inside", 40)
        eventually(lambda: m.lines(module="listing", type="secrets", objects=2), "the whole list", 40)
        m.process.child.send_signal(signal.SIGTERM)
        assert m.process.wait(20) == 0
        assert m.line(event="unmounted")["objects"] == "2"
    finally:
        m.discard()
