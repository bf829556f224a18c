"""An answer that belongs to another request is nobody's file, list or restore."""
import threading
import uuid

import pytest

from between import ID, Answer, gateway
from harness import errno_of, fails, listed_again, ok, tree

HTTP = pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])


@pytest.fixture
def vault(vaults):
    """Secrets whose blobs all have different lengths."""
    vault = vaults("first", "second")
    for i in range(12):
        vault.set_secret(f"s{i}", "x" * 40 * (i + 1))
    vault.create_key("a-key")
    return vault


def sizes(vault):
    return {f"secrets/{n}.blob": len(vault.backup("secrets", n)) for n in vault.list("secrets")}


def mixed_up(m):
    return m.lines(event="answer_mixed_up")


class Swap:
    """Two backups that are under way together get each other's answer, so many times, each object's once."""

    def __init__(self, times):
        self.lock = threading.Condition()
        self.left, self.waiting, self.n, self.seen = times, None, 0, set()

    def __call__(self, request, answer):
        if "/backup" not in request.path or answer.status != 200:
            return answer
        with self.lock:
            if self.left == 0 or request.path in self.seen:
                return answer
            self.seen.add(request.path)
            if self.waiting is None:
                self.waiting = mine = [answer, None]
                self.lock.wait_for(lambda: mine[1] is not None, 5)
                self.waiting = None if self.waiting is mine else self.waiting
                return mine[1] or answer
            other, self.waiting = self.waiting, None
            self.left -= 1
            self.n += 1
            other[1] = answer
            self.lock.notify_all()
            return other[0]


@HTTP
def test_answers_that_are_swapped_are_asked_for_again(vault, mount, tmp_path, http2):
    swap = Swap(3)
    with gateway(vault, tmp_path / "front", swap, http2) as g:
        m = mount(vault, url=g.url)
        ok(shell=f"ls {m.path}/secrets/*.blob | xargs -P8 -n1 cat > /dev/null", seconds=60)
        ok("cp", "-r", m / "secrets", tmp_path / "copy")
        assert {f"secrets/{p}": len(blob) for p, blob in tree(tmp_path / "copy").items()} == sizes(vault)
        assert swap.n == 3 and 1 <= len(mixed_up(m)) <= 6
        m.unmount()


@HTTP
def test_a_list_that_is_another_requests_answer_is_no_list(vault, mount, tmp_path, http2):
    kept, is_mixing = [], []

    def change(request, answer):
        if not request.path.startswith("/secrets?") or answer.status != 200:
            return answer
        kept.append(answer)
        return Answer(200, kept[-2].headers, b'{"value":[],"nextLink":null}') if is_mixing else answer

    with gateway(vault, tmp_path / "front", change, http2) as g:
        m = mount(vault, "list_ttl=1", url=g.url)
        assert len(m.names("secrets")) == 12
        is_mixing.append(True)
        error = listed_again(lambda: {errno_of("list", m / "secrets")} - {"0"}, "the stale answer").pop()
        assert error == "EBADMSG"
        assert m.names("keys") == ["a-key.blob"]
        assert mixed_up(m)
        m.unmount()


@pytest.mark.parametrize("has_id", [True, False])
def test_an_answer_that_nobody_asked_for_is_not_used(vault, mount, tmp_path, has_id):
    state = {}

    def change(request, answer):
        if request.path.startswith("/secrets?") and answer.status == 200:
            one = Answer(200, dict(answer.headers), b'{"value":[],"nextLink":null}')
            if not has_id:
                one.headers.pop(ID, None)
            state["n"] = state.get("n", 0) + 1
            request.after = one.text()
        return answer

    with gateway(vault, tmp_path / "front", change) as g:
        m = mount(vault, "list_ttl=1", url=g.url)
        for n in range(2, 5):
            listed_again(lambda n=n: len(m.names("secrets")) == 12 and state["n"] >= n, "another listing")
        ok("cp", "-r", m / "secrets", tmp_path / "copy")
        assert {f"secrets/{p}": len(blob) for p, blob in tree(tmp_path / "copy").items()} == sizes(vault)
        m.unmount()


def test_a_404_of_another_request_is_not_enoent(vault, mount, tmp_path):
    left, ids = [], []

    def change(request, answer):
        ids.append(request.id)
        if "/backup" in request.path and left:
            headers = {**answer.headers, ID: left.pop() or ids[0]}
            return Answer(404, headers, b'{"error":{"code":"SecretNotFound","message":"gone"}}')
        return answer

    with gateway(vault, tmp_path / "front", change) as g:
        m = mount(vault, "prefetch=0", url=g.url)
        names = m.names("secrets")
        ok("cat", m / "secrets" / names[0])
        for wrong in (str(uuid.uuid4()), None):
            left[:] = [wrong]
            ok("cat", m / "secrets" / names.pop())
            left[:] = [wrong] * 2
            assert errno_of("open", m / "secrets" / names.pop()) == "EBADMSG"
        left[:] = [None] * 1000
        for _ in range(4):
            assert errno_of("open", m / "secrets" / names.pop()) == "EBADMSG"
        m.unmount()


@HTTP
def test_a_restore_whose_answer_was_mixed_up_is_reported_as_lost(vault, mount, tmp_path, http2):
    (tmp_path / "blob").write_bytes(vault.backup("secrets", "s1"))
    vault.lose("secrets", "s1")
    seen = []

    def change(request, answer):
        if "/restore" in request.path and answer.status == 200:
            seen.append(answer.body)
            return Answer(200, {**answer.headers, ID: str(uuid.uuid4())}, answer.body)
        return answer

    with gateway(vault, tmp_path / "front", change, http2) as g:
        m = mount(vault, url=g.url)
        ok("mkdir", "-p", m / "restore/secrets")
        fails("cp", tmp_path / "blob", m / "restore/secrets/s1.blob")
        assert len(seen) == 1 and "s1" in vault.list("secrets")
        assert "the answer was lost" in m.line(op="restore", errno="EIO")["why"]
        m.unmount()


@HTTP
def test_a_gateway_that_rewrites_ids_works_with_one_warning(vault, mount, tmp_path, http2):
    def change(request, answer):
        answer.headers[ID] = str(uuid.uuid4())
        return answer

    with gateway(vault, tmp_path / "front", change, http2) as g:
        m = mount(vault, url=g.url)
        ok("cp", "-r", m / "secrets", tmp_path / "copy")
        assert {f"secrets/{p}": len(blob) for p, blob in tree(tmp_path / "copy").items()} == sizes(vault)
        assert len(m.lines(event="request_ids_rewritten")) == 1 and not mixed_up(m)
        assert not [x for x in m.lines() if x.get("errno", "0") != "0"]
        m.unmount()


@HTTP
@pytest.mark.parametrize("where", ["/", "/backup", "/restore"])
def test_a_server_that_leaves_ids_out_works(vault, mount, tmp_path, where, http2):
    (tmp_path / "blob").write_bytes(vault.backup("secrets", "s1"))
    vault.lose("secrets", "s1")

    def change(request, answer):
        if where in request.path:
            answer.headers.pop(ID, None)
        return answer

    with gateway(vault, tmp_path / "front", change, http2) as g:
        m = mount(vault, url=g.url)
        ok(shell=f"ls {m.path}/secrets/*.blob | xargs -P8 -n1 cat > /dev/null", seconds=60)
        ok("cp", "-r", m / "secrets", tmp_path / "copy")
        assert {f"secrets/{p}": len(blob) for p, blob in tree(tmp_path / "copy").items()} == sizes(vault)
        ok("cp", tmp_path / "blob", m / "restore/secrets/s1.blob")
        assert not m.lines(event="request_ids_rewritten")
        assert bool(mixed_up(m)) == (where == "/backup")
        m.unmount()


class Misrouted:
    """Answers to these methods and paths name the twin's objects, as if a route of the gateway led there."""

    def __init__(self, method, *paths):
        self.method, self.paths, self.is_on = method, paths, False

    def __call__(self, request, answer):
        if self.is_on and request.method == self.method and request.path.split("?")[0] in self.paths:
            answer.body = answer.body.replace(b"first.vault", b"twin.vault")
        return answer


def names_both(line):
    return "of twin.vault.localhost, not of first.vault.localhost" in line["why"]


def test_a_restore_whose_answer_names_another_vault_is_no_success_and_leaves_no_receipt(vault, mount, tmp_path):
    (tmp_path / "blob").write_bytes(vault.backup("secrets", "s1"))
    vault.lose("secrets", "s1")
    with gateway(vault, tmp_path / "front", Misrouted("POST", "/secrets/restore")) as g:
        m = mount(vault, url=g.url)
        g.change.is_on = True
        assert "Bad message" in fails("cp", tmp_path / "blob", m / "restore/secrets/s1.blob").err
        line = m.line(op="restore", errno="EBADMSG")
        assert names_both(line) and "may have been restored" in line["why"]
        g.change.is_on = False
        assert errno_of("stat", m / "restore/secrets/s1.blob") == "ENOENT"
        vault.lose("secrets", "s1")
        ok("cp", tmp_path / "blob", m / "restore/secrets/s1.blob")
        assert vault.count("restore") == 2
        m.unmount()


def test_a_recovery_is_not_confirmed_by_another_vaults_object(vault, mount, tmp_path):
    vault.delete("keys", "a-key")
    with gateway(vault, tmp_path / "front", Misrouted("GET", "/keys/a-key")) as g:
        m = mount(vault, url=g.url)
        g.change.is_on = True
        assert "Bad message" in fails("mv", m / "deleted/keys/a-key", m / "keys").err
        assert names_both(m.line(op="get", errno="EBADMSG"))
        m.unmount()


def test_a_recovery_whose_answer_names_another_vault_says_that_it_may_have_been_done(vault, mount, tmp_path):
    vault.delete("keys", "a-key")
    with gateway(vault, tmp_path / "front", Misrouted("POST", "/deletedkeys/a-key/recover")) as g:
        m = mount(vault, url=g.url)
        g.change.is_on = True
        assert "Bad message" in fails("mv", m / "deleted/keys/a-key", m / "keys").err
        line = m.line(op="recover", errno="EBADMSG")
        assert names_both(line) and "may have been recovered, here or elsewhere" in line["why"]
        m.unmount()


def test_what_the_blob_does_not_show_is_of_this_vault(vault, mount, tmp_path):
    vault.create_certificate("web")
    paths = ("/keys/a-key", "/certificates/web", "/keys/a-key/rotationpolicy", "/certificates/contacts")
    vault.call("PUT", "/certificates/contacts", {"contacts": [{"email": "a@example.com"}]})
    with gateway(vault, tmp_path / "front", Misrouted("GET", *paths)) as g:
        m = mount(vault, url=g.url)
        g.change.is_on = True
        for path in ("keys/a-key.pem", "keys/a-key.json", "certificates/web.json", ".kvfs/vault.json"):
            assert errno_of("open", m / path) == "EBADMSG", path
        assert names_both(m.line(op="contacts", errno="EBADMSG"))
        g.change.is_on = False
        ok("cat", m / "keys/a-key.json", m / ".kvfs/vault.json")
        m.unmount()
