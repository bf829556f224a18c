"""Answers that are not Key Vault's, or not as it gives them: refused, and said in words that help."""
import base64
import contextlib
import json
import re

import pytest

from between import free_port
from fakeserver import TENANT, FakeVault, secret_item
from harness import Mount, environment, errno_of, eventually, run
from network import read_head, server


@pytest.fixture
def start(tmp_path, watchdog):
    """Mount a FakeVault, in the foreground."""
    mounts = []

    def go(fake, *options, env=None, wait=True):
        argv = []
        for option in (f"cacert={fake.ca}", "rate=400", *options):
            argv += ["-o", option]
        m = Mount(tmp_path / f"mount{len(mounts)}", [*argv, fake.url],
                  environment(**{**fake.environment(), "XDG_CACHE_HOME": tmp_path / "cache", **(env or {})}))
        mounts.append(m)
        watchdog.processes.append(m.process)
        return m.wait_until_mounted() if wait else m

    yield go
    for m in mounts:
        m.discard()


def sentence(m):
    """What a start that fails says."""
    assert m.process.wait(60) == 1
    lines = m.process.err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# Proxies.

@contextlib.contextmanager
def proxy(answer):
    """A proxy that answers CONNECT so."""
    def serve(client):
        read_head(client)
        client.sendall(answer)

    with server(serve) as port:
        yield port


def test_a_proxy_that_is_not_known_is_called_a_proxy(tmp_path, start):
    with FakeVault(tmp_path, {}) as fake:
        said = sentence(start(fake, env={"https_proxy": "http://me:s3cret@no-such-proxy.invalid:3128"}, wait=False))
        assert "the proxy no-such-proxy.invalid:3128 (https_proxy) cannot be resolved" in said and "s3cret" not in said
        assert "vault's name" not in said


def test_a_proxy_that_does_not_answer_is_called_a_proxy(tmp_path, start):
    port = free_port()
    with FakeVault(tmp_path, {}) as fake:
        said = sentence(start(fake, env={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}, wait=False))
        assert f"the proxy 127.0.0.1:{port} (HTTPS_PROXY) refuses connections" in said


@pytest.mark.parametrize("status,words", [("407 Who", "407: it requires a user name and a password"),
                                          ("403 No", "403: it does not allow "), ("502 Bad", "answers 502")])
def test_a_proxy_that_refuses_is_called_a_proxy(tmp_path, start, status, words):
    answer = f"HTTP/1.1 {status}\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n".encode()
    with FakeVault(tmp_path, {}) as fake, proxy(answer) as port:
        said = sentence(start(fake, env={"https_proxy": f"127.0.0.1:{port}"}, wait=False))
        assert f"the proxy 127.0.0.1:{port} (https_proxy)" in said and words in said


PAGE = b"<!doctype html><html><head><title>\n Access to this site is <b>s3cret"


@pytest.mark.parametrize("status", [200, 302, 403, 407, 503])
def test_a_page_of_a_proxy_is_called_one_in_the_log(tmp_path, start, status):
    pages = []

    def answer(method, path, headers, body):
        return (status, {"Content-Type": "text/html", "Location": "https://login.example"}, PAGE) if pages else None

    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}, answer=answer) as fake:
        m = start(fake, "timeout=3")
        assert m.names("secrets") == ["one.blob"]
        pages.append(True)
        assert errno_of("open", m / "secrets/one.blob") not in ("0", "ENOENT")
        line = eventually(lambda: m.lines(op="backup"), "the failure")[0]
        assert 'an HTML page titled \\"Access to this site is\\"' in line.text and "s3cret" not in m.process.err
        m.unmount()


@pytest.mark.parametrize("status", [200, 302, 403, 407])
def test_a_page_instead_of_a_list_ends_the_start_with_its_title(tmp_path, start, status):
    with FakeVault(tmp_path, {}, answer=lambda *_: (status, {"Content-Type": "text/html"}, PAGE)) as fake:
        said = sentence(start(fake, wait=False))
        assert 'an HTML page titled "Access to this site is"' in said and "s3cret" not in said


# Lists.

BLOB = "a blob of a server of its own, of a length that a blob could have. " * 2


def backups(method, path, headers, body):
    if path.split("?")[0].endswith("/backup"):
        return 200, {"Content-Type": "application/json"}, {"value": base64.b64encode(BLOB.encode()).decode()}
    return None


def test_ids_that_end_in_a_slash_are_names(tmp_path, start):
    items = [secret_item("one/"), secret_item("two")]
    with FakeVault(tmp_path, {"secrets": items}, answer=backups) as fake:
        m = start(fake)
        assert m.names("secrets") == ["one.blob", "two.blob"]
        assert run("cat", m / "secrets/one.blob").out == BLOB
        m.unmount()


@pytest.mark.parametrize("bad,shown", [
    (secret_item("a b"), "/secrets/a b"), (secret_item("two", host="evil.example"), "https://evil.example/secrets/two"),
    (secret_item("\x1b[31m"), r"/secrets/\\u001b[31m"), ({"id": 7}, "no id")], ids=["name", "host", "control", "none"])
def test_a_bad_item_fails_the_list_and_is_named(tmp_path, start, bad, shown):
    """It is on the second page: the start needs only the first, and the first listing ends with it, whatever the time."""
    def pages(method, path, headers, body):
        folder, _, query = path.partition("?")
        if folder != "/secrets":
            return None
        first = {"value": [secret_item("one")], "nextLink": "https://{host}/secrets?api-version=7.4&$skiptoken=two"}
        page = {"value": [bad], "nextLink": None} if "$skiptoken=" in query else first
        return 200, {"Content-Type": "application/json"}, json.dumps(page).replace("{host}", fake.host).encode()

    with FakeVault(tmp_path, {}, answer=pages) as fake:
        m = start(fake)
        assert errno_of("list", m / "secrets") == "EBADMSG"
        assert shown in m.lines(op="list", errno="EBADMSG")[0].text
        assert "\x1b" not in m.process.err
        m.unmount()


# Tokens.

@pytest.mark.parametrize("body,header,reason", [
    ({"error": {"code": "Unauthorized", "message": "AKV10022: Invalid audience."}}, "", "AKV10022: Invalid audience."),
    (b"", ', error="invalid_token", error_description="The token has ended."', "The token has ended.")],
    ids=["body", "header"])
@pytest.mark.parametrize("is_file", [False, True], ids=["secret", "token_file"])
def test_the_vaults_reason_for_refusing_a_token_is_said(tmp_path, start, body, header, reason, is_file):
    is_refusing = []

    def answer(method, path, headers, content):
        if not is_refusing:
            return None
        challenge = f'Bearer authorization="https://x/{TENANT}", resource="https://localhost"{header}'
        return 401, {"WWW-Authenticate": challenge}, body

    options = []
    if is_file:
        (tmp_path / "token").touch(0o600)
        (tmp_path / "token").write_text("a-token")
        options = [f"token_file={tmp_path / 'token'}", "auth=token"]
    with FakeVault(tmp_path, {"secrets": [secret_item("one")]}, answer=answer) as fake:
        m = start(fake, "timeout=2", *options)
        assert m.names("secrets") == ["one.blob"]
        is_refusing.append(True)
        assert errno_of("open", m / "secrets/one.blob") == "EACCES"
        line = eventually(lambda: m.lines(op="backup"), "the failure")[0]
        assert "refuses the token" in line["why"] and reason in line["why"]
        assert re.search(r"\bstatus=401\b", line.text)
        m.unmount()
    with FakeVault(tmp_path, {}, answer=answer) as fake:
        assert reason in sentence(start(fake, *options, wait=False))
