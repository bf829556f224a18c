"""
The local vault answers as the service did: recorded calls are sent again, and the answers compared
member by member: names, their order, types, spelling, ids, error texts, headers, order of pages.

The recordings hold no request bodies, so each is made from the answer that it got. What differs by
nature (versions, times, key material, blobs) is compared by its form. The service's timing is not
compared: where an answer takes effect late, the call is repeated until it has the recorded status.
"""

import base64
import json
import os
import re
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest

from local_vault import ROOT, LocalVault

FOLDER = Path(os.environ.get("KVFS_RECORDINGS", ROOT.parent / "shared" / "recordings"))
VERSION = "7.0"  # of the API, as the local vault speaks it; other recordings are of later ones, or of a Managed HSM


def is_played(file):
    return f"api-version={VERSION}" in json.loads(file.read_text())[0]["query"]


RECORDINGS = sorted(filter(is_played, FOLDER.glob("*.json")))
HOST = "recorded.vault.azure.net"
NOT_THE_SERVICES = {"server", "x-aspnet-version", "x-powered-by", "retry-after"}
OPAQUE = {"n", "x", "y", "cer", "csr", "x5t"}


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def run(*args, data=None):
    return subprocess.run(args, input=data, capture_output=True, check=True).stdout


def integers(der):
    """The integers of a DER sequence of integers."""

    def head(at):
        length = der[at + 1]
        if length < 0x80:
            return at + 2, length
        size = length & 0x7F
        return at + 2 + size, int.from_bytes(der[at + 2 : at + 2 + size], "big")

    at, length = head(0)
    end, found = at + length, []
    while at < end:
        at, length = head(at)
        found.append(der[at : at + length].lstrip(b"\0"))
        at += length
    return found


@pytest.fixture(scope="module")
def material():
    """A private JWK and a PFX with a password."""
    pem = run("openssl", "genrsa", "-traditional", "2048")
    der = run("openssl", "rsa", "-traditional", "-outform", "DER", data=pem)
    names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"]
    jwk = dict(zip(names, map(b64url, integers(der)[1:])))
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
    both = run(*request, "-keyout", "-", "-subj", "/CN=KeyVaultTest")
    pfx = run("openssl", "pkcs12", "-export", "-passout", "pass:123", data=both)
    return jwk, base64.b64encode(pfx).decode()


def attributes_of(answer):
    given = answer.get("attributes", {})
    return {k: given[k] for k in ("enabled", "nbf", "exp") if k in given}


def with_tags(body, answer):
    if "tags" in answer:
        body["tags"] = answer["tags"]
    return body


def policy_of(answer):
    policy = dict(answer.get("policy", {}))
    for member in ("id", "attributes"):
        policy.pop(member, None)
    return policy


class Player:
    """Sends recorded calls to a local vault; remembers what later calls need."""

    def __init__(self, vault, calls, material):
        self.vault, self.calls = vault, calls
        self.jwk, self.pfx = material
        self.token = vault.token("https://vault.azure.net")
        self.versions = {}  # the recorded one -> ours
        self.blob = self.cipher = None

    def request(self, method, target, body=None, with_token=True):
        headers = {"Content-Type": "application/json"}
        if with_token:
            headers["Authorization"] = "Bearer " + self.token
        text = "" if body is None else json.dumps(body)
        return self.vault.call(method, target, text, HOST, headers)

    def body_for(self, call, answer, index):
        kind, *rest = call["path"].strip("/").split("/")
        verb, method = rest[-1] if rest else "", call["method"]
        if verb == "restore":
            return {"value": self.blob}
        if verb in ("encrypt", "decrypt"):
            plain = b64url(b"x" * 100)
            value = plain if verb == "encrypt" else self.cipher
            return {"alg": "RSA-OAEP", "value": value}
        if kind == "keys" and (verb == "create" or method == "PUT"):
            key = {"kty": answer["key"]["kty"], "key_ops": answer["key"]["key_ops"]}
            facts = {"attributes": attributes_of(answer)}
            if method == "PUT":
                return with_tags({**facts, "key": {**self.jwk, **key}}, answer)
            return with_tags({**facts, **key, "key_size": 2048}, answer)
        if kind == "keys" and method == "PATCH":
            body = {"key_ops": answer["key"]["key_ops"], "attributes": attributes_of(answer)}
            return with_tags(body, answer)
        if kind == "secrets" and method in ("PUT", "PATCH"):
            body = {"attributes": attributes_of(answer)}
            for member in ("value", "contentType"):
                if member in answer:
                    body[member] = answer[member]
            return with_tags(body, answer)
        if verb == "create":
            return {"policy": self.later_policy(call, index), "tags": {}}
        if verb == "import":
            return {"value": self.pfx, "pwd": "123"}
        return None

    def later_policy(self, call, index):
        """A certificate's policy stands in a later answer."""
        name = call["path"].split("/")[2]
        for later in self.calls[index:]:
            answer = json.loads(later["body"] or "{}")
            if "policy" in answer and f"/{name}/" in answer["id"]:
                return policy_of(answer)
        return {}

    def learn(self, recorded, ours):
        """Versions by which later calls will ask."""
        for r, o in zip(ids_of(recorded), ids_of(ours)):
            if len(r.split("/")) == 6 == len(o.split("/")):
                self.versions[r.split("/")[5]] = o.split("/")[5]
        self.blob = ours.get("value", self.blob) if set(ours) == {"value"} else self.blob
        self.cipher = ours.get("value") if set(ours) == {"kid", "value"} else self.cipher

    def play(self, index):
        call = self.calls[index]
        recorded = json.loads(call["body"] or "{}")
        path = call["path"]
        for theirs, ours in self.versions.items():
            path = path.replace(theirs, ours)
        body = self.body_for(call, recorded, index) if call["status"] != 401 else None
        deadline = time.monotonic() + 10
        while True:
            status, headers, text = self.request(
                call["method"], f"{path}?{call['query']}", body, call["status"] != 401
            )
            ours = json.loads(text or "{}")
            if status == call["status"] and ours.get("status") == recorded.get("status"):
                break
            assert time.monotonic() < deadline, (call["method"], path, call["status"], status, text)
            time.sleep(0.02)
        self.learn(recorded, ours)
        return recorded, ours, headers

    def play_list(self, index):
        """A whole list: recorded pages from index on, and ours; the number of calls used."""
        recorded, used = [], 0
        for call in self.calls[index:]:
            page = json.loads(call["body"])
            recorded.append(page)
            used += 1
            if page["nextLink"] is None:
                break
        ours, target = [], f"{self.calls[index]['path']}?{self.calls[index]['query']}"
        while target:
            status, _, text = self.request("GET", target)
            assert status == 200, text
            ours.append(json.loads(text))
            target = ours[-1]["nextLink"]
            if target:
                check_link(target, recorded[0]["nextLink"] or target)
                target = target.split(HOST + ":443", 1)[1]
        return recorded, ours, used


def ids_of(value):
    if isinstance(value, dict):
        for name, member in value.items():
            if name in ("kid", "id", "sid") and isinstance(member, str):
                yield member
            else:
                yield from ids_of(member)


def check_link(ours, recorded):
    """nextLink: the same parameters in the same order, and a token of the same form."""

    def form(link):
        parts = urllib.parse.urlsplit(link)
        names = [p.split("=")[0] for p in parts.query.split("&")]
        token = urllib.parse.parse_qs(parts.query)["$skiptoken"][0]
        marker = json.loads(base64.urlsafe_b64decode(token + "=="))
        two, length, inner = marker["NextMarker"].split("!")
        assert two == "2" and int(length) == len(inner)
        size, row, *rest = base64.b64decode(inner.replace("-", "=")).decode().split("!")
        assert int(size) == len(row) and row.split("/", 1)[1] == row.split("/", 1)[1].upper()
        return parts.scheme, parts.netloc, parts.path, names, list(marker), rest[0]

    assert form(ours) == form(recorded)


def normal(text):
    return re.sub(r"[0-9a-f]{32}", "VERSION", text)


def compare(recorded, ours, where=""):
    """The same members in the same order, of the same types, with the same texts."""
    assert type(recorded) is type(ours), where
    if isinstance(recorded, dict):
        assert list(recorded) == list(ours), where
        for name in recorded:
            if name == "value" and where in ("", "/pfx") and len(recorded[name]) > 100:
                assert isinstance(ours[name], str)
            elif name not in OPAQUE:
                compare(recorded[name], ours[name], f"{where}/{name}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(ours), where
        for n, (r, o) in enumerate(zip(recorded, ours)):
            compare(r, o, f"{where}/{n}")
    elif isinstance(recorded, str):
        assert normal(recorded) == normal(ours), where


def check_headers(call, ours):
    ours = {name.lower(): value for name, value in ours.items()}
    missing = set(call["headers"]) - set(ours) - NOT_THE_SERVICES
    assert not missing - {"content-length"}, call["path"]
    if call["status"] == 401:
        form = r'Bearer authorization="https://login\.windows\.net/[0-9a-f-]{36}", resource="(.*)"'
        theirs = re.fullmatch(form, call["headers"]["www-authenticate"])
        assert re.fullmatch(form, ours["www-authenticate"]).group(1) == theirs.group(1)
    elif call["body"]:
        assert ours["content-type"] == call["headers"]["content-type"]
    for name in ("cache-control", "pragma", "expires", "x-content-type-options"):
        assert ours[name] == call["headers"][name]


def names_before(calls):
    """Objects, or versions of them, that a recording lists without having made them."""
    made, missing = set(), {}
    for call in calls:
        kind, *rest = call["path"].strip("/").split("/")
        page = json.loads(call["body"] or "{}")
        if rest and call["method"] in ("PUT", "POST"):
            made.add((kind, rest[0].upper()))
            made.update(identifier.split("/")[-1] for identifier in ids_of(page))
        for item in page.get("value", []) if isinstance(page.get("value"), list) else []:
            kind, name, *version = (item.get("kid") or item["id"]).split("/")[3:]
            if (version[0] if version else (kind, name.upper())) not in made:
                missing.setdefault((kind, name), item)
    return missing


def make_missing(player, calls):
    for (kind, name), item in names_before(calls).items():
        body = with_tags({"attributes": attributes_of(item)}, item)
        if kind == "keys":
            body.update(kty="RSA")
            status, _, text = player.request(
                "POST", f"/keys/{name}/create?api-version=7.0", body
            )
        else:
            body.update(value="x", contentType=item.get("contentType"))
            status, _, text = player.request("PUT", f"/secrets/{name}?api-version=7.0", body)
        assert status == 200, text


def is_list(call):
    page = json.loads(call["body"] or "{}")
    return call["method"] == "GET" and "nextLink" in page


def item_name(item):
    return normal(item.get("kid") or item["id"])


@pytest.mark.skipif(not RECORDINGS, reason=f"there are no recordings in {FOLDER}")
@pytest.mark.parametrize("file", RECORDINGS, ids=[f.stem for f in RECORDINGS])
def test_the_answers_have_the_recorded_form(file, material):
    calls = json.loads(file.read_text())
    options = ["--suffix", "vault.azure.net", "--vault", "recorded", "--lag", "200"]
    options += ["--pending", "200", "--challenge-authority", "https://login.windows.net"]
    with LocalVault(*options) as vault:
        player = Player(vault, calls, material)
        make_missing(player, calls)
        index = 0
        while index < len(calls):
            call = calls[index]
            if is_list(call):
                recorded, ours, used = player.play_list(index)
                given = urllib.parse.parse_qs(call["query"]).get("maxresults", ["25"])
                compare_lists(recorded, ours, int(given[0]))
                index += used
                continue
            recorded, answer, headers = player.play(index)
            check_headers(call, headers)
            if call["status"] != 401:
                compare(recorded, answer, "")
            index += 1
    assert vault.status == 0


def compare_lists(recorded, ours, limit):
    theirs = [item for page in recorded for item in page["value"]]
    mine = [item for page in ours for item in page["value"]]
    assert list(map(item_name, theirs)) == list(map(item_name, mine))
    for items in (theirs, mine):
        keys = [(item.get("kid") or item["id"]).upper() for item in items]
        assert keys == sorted(keys)
    for r, o in zip(theirs, mine):
        compare(r, o, "/item")
    assert all(list(page) == ["value", "nextLink"] for page in ours)
    assert all(len(page["value"]) <= limit for page in ours)
