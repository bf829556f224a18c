"""
The local vault answers as the service did: recorded calls are sent again, and the answers compared
member by member: names, their order, types, spelling, ids, error texts, headers, order of pages.

The recordings hold few request bodies, so most are made from the answer that they got. What differs by
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
RECORDINGS = sorted(FOLDER.glob("*.json"))
NOT_THE_SERVICES = {"server", "x-aspnet-version", "x-powered-by", "retry-after"}
# What a recorder left out, or adds to its own requests.
NOT_RECORDED = {"x-ms-request-id", "x-ms-client-request-id", "connection"}
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
        self.host = calls[0]["host"]
        self.is_hsm = "managedhsm" in self.host
        self.token = vault.token("https://" + self.host.partition(".")[2])
        self.api = urllib.parse.parse_qs(calls[0]["query"])["api-version"][0]
        self.versions = {}  # the recorded one -> ours
        self.blob = self.cipher = None

    def request(self, method, target, body=None, with_token=True):
        headers = {"Content-Type": "application/json"}
        if with_token:
            headers["Authorization"] = "Bearer " + self.token
        text = "" if body is None else json.dumps(body)
        return self.vault.call(method, target, text, self.host, headers)

    def body_for(self, call, answer, index):
        kind, *rest = call["path"].strip("/").split("/")
        verb, method = rest[-1] if rest else "", call["method"]
        if "request_body" in call:
            return json.loads(call["request_body"])
        if rest[:1] == ["contacts"] and method == "PUT":
            return {"contacts": answer["contacts"]}
        if rest[:1] == ["issuers"] and method in ("PUT", "PATCH"):
            given = {k: answer[k] for k in ("provider", "credentials", "org_details")}
            given["org_details"] = {k: v for k, v in answer["org_details"].items() if k != "zip"}
            return {**given, "attributes": attributes_of(answer)}
        if verb == "restore":
            return {"value": self.blob}
        if verb in ("encrypt", "decrypt"):
            plain = b64url(b"x" * 100)
            value = plain if verb == "encrypt" else self.cipher
            return {"alg": "RSA-OAEP", "value": value}
        if kind == "keys" and (verb == "create" or method == "PUT"):
            key = {k: answer["key"][k] for k in ("kty", "key_ops", "crv") if k in answer["key"]}
            if self.is_hsm:
                key["kty"] = key["kty"].removesuffix("-HSM")  # it makes a key of the HSM all the same
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
            assert not (self.is_hsm and status == 401 and text)
            ours = json.loads(text or "{}")
            if status == call["status"] and ours.get("status") == recorded.get("status"):
                break
            assert time.monotonic() < deadline, (call["method"], path, call["status"], status, text)
            time.sleep(0.02)
        self.learn(recorded, ours)
        return recorded, ours, headers, text

    def play_list(self, index):
        """A whole list: recorded pages from index on, and ours; the number of calls used."""
        recorded, used = [], 0
        for call in self.calls[index:]:
            page = json.loads(call["body"])
            recorded.append(page)
            used += 1
            if page.get("nextLink") is None:
                break
        ours, target = [], f"{self.calls[index]['path']}?{self.calls[index]['query']}"
        while target:
            status, headers, text = self.request("GET", target)
            assert status == 200, text
            check_headers(self.calls[index], headers, text)
            ours.append(json.loads(text))
            target = ours[-1].get("nextLink")
            if target:
                check = check_hsm_link if self.is_hsm else check_link
                check(target, recorded[0].get("nextLink") or target)
                target = target.split(self.host, 1)[1].removeprefix(":443")
        return recorded, ours, used

    def items(self, path):
        """What our vault lists, page by page."""
        found, target = [], f"{path}?api-version={self.api}"
        while target:
            page = json.loads(self.request("GET", target)[2])
            found += page["value"]
            target = (page.get("nextLink") or "").split(self.host, 1)[-1].removeprefix(":443")
            if target and "api-version" not in target:
                target += f"&api-version={self.api}"
        return found

    def make(self, item):
        """An object as this item of a list shows it, or one more version of it."""
        kind, name = (item.get("kid") or item["id"]).split("/")[3:5]
        body = with_tags({"attributes": attributes_of(item)}, item)
        if kind == "keys":
            of_hsm = self.is_hsm or item["attributes"].get("hsmPlatform") == "2"
            # A Managed HSM's list is long, and the key of an elliptic curve is made quickly.
            body.update({"kty": "EC-HSM", "crv": "P-256"} if of_hsm else {"kty": "RSA"})
            self.done("POST", f"/keys/{name}/create", body)
        else:
            body.update(value="x", contentType=item.get("contentType"))
            self.done("PUT", f"/secrets/{name}", body)
        if "recoveryId" in item:
            self.done("DELETE", f"/{kind}/{name}")

    def done(self, method, path, body=None):
        deadline = time.monotonic() + 10
        while True:
            status, _, text = self.request(method, f"{path}?api-version={self.api}", body)
            if status < 300:
                return
            assert time.monotonic() < deadline, (method, path, text)
            time.sleep(0.02)

    def align(self, index):
        """
        A recording leaves out calls that only repeat what others show. So before a list: what it
        shows and our vault has not is made, and what it no longer shows is purged.
        """
        path = self.calls[index]["path"].rstrip("/")
        wanted, ours = recorded_items(self.calls, index), self.items(path)
        if path.endswith("/versions"):
            for item in wanted[len(ours) :]:
                self.make(item)
            return
        have = {item_name(i) for i in ours}
        for item in wanted:
            if item_name(item) not in have:
                self.make(item)
        for gone in have - {item_name(i) for i in wanted}:
            kind, name = gone.split("/")[3:5]
            if path.startswith("/deleted"):
                self.done("DELETE", f"/deleted{kind}/{name}")
        deadline = time.monotonic() + 10
        while len(self.items(path)) != len(wanted) and time.monotonic() < deadline:
            time.sleep(0.02)


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


def check_hsm_link(ours, recorded):
    """nextLink of a Managed HSM: no port, no api-version; the token is a continuation of its store."""

    def form(link):
        parts = urllib.parse.urlsplit(link)
        return parts.scheme, parts.netloc, parts.path, [p.split("=")[0] for p in parts.query.split("&")]

    assert form(ours) == form(recorded)
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(ours).query)["$skiptoken"][0]
    marker = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert re.fullmatch(r"\+RID:~[A-Za-z0-9+/]+==#RT:\d+#TRC:\d+#ISV:2#IEO:65567#QCF:8", marker)


def normal(text):
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "GUID", text)
    return re.sub(r"[0-9a-f]{32}", "VERSION", text)


def header_of(blob):
    """A backup's magic, and the members of its header."""
    raw = base64.urlsafe_b64decode(blob + "==")
    start = raw.index(b"eyJ")
    header = raw[start:].split(b".")[0]
    parts = json.loads(base64.urlsafe_b64decode(header + b"=="))
    # Until 2018 a vault's were RSA-OAEP and A128CBC-HS256.
    algorithms = [parts["alg"].removesuffix("-256"), parts["enc"].partition("CBC")[1]]
    return raw[:start], list(parts), algorithms, raw.count(b".", start)


def compare(recorded, ours, where=""):
    """The same members in the same order, of the same types, with the same texts."""
    assert type(recorded) is type(ours), where
    if isinstance(recorded, dict):
        assert list(recorded) == list(ours), where
        for name in recorded:
            if name == "value" and where in ("", "/pfx") and len(recorded[name]) > 100:
                assert isinstance(ours[name], str)
                if list(recorded) == ["value"]:
                    assert header_of(ours[name]) == header_of(recorded[name])
            elif name == "key_ops" and "key_ops" != list(recorded)[-1] and list(recorded) == sorted(recorded):
                assert sorted(recorded[name]) == sorted(ours[name])  # a Managed HSM changes their order
            elif name not in OPAQUE:
                compare(recorded[name], ours[name], f"{where}/{name}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(ours), where
        for n, (r, o) in enumerate(zip(recorded, ours)):
            compare(r, o, f"{where}/{n}")
    elif isinstance(recorded, str):
        assert normal(recorded) == normal(ours), where


ALWAYS_THE_SAME = ["cache-control", "pragma", "expires", "x-content-type-options", "strict-transport-security",
                   "content-security-policy", "x-frame-options"]


def check_headers(call, ours, text):
    ours = {name.lower(): value for name, value in ours.items()}
    theirs = call["headers"]
    missing = set(theirs) - set(ours) - NOT_THE_SERVICES
    assert not missing - {"content-length"}, call["path"]
    more = set(ours) - set(theirs) - NOT_RECORDED - {"retry-after"}
    # Nothing but what has a body has these; in 2018 a 401 had none.
    assert not more - ({"content-length", "content-type"} if call["status"] != 204 else set()), call["path"]
    if call["status"] == 204:
        assert ("content-length" in ours) == ("content-length" in theirs)
    if call["status"] == 401:
        form = r'Bearer authorization="(https://[^/]+)/[0-9a-f-]{36}", resource="(.*)"'
        recorded = re.fullmatch(form, theirs["www-authenticate"])
        assert re.fullmatch(form, ours["www-authenticate"]).groups() == recorded.groups()
    elif call["body"]:
        assert ours["content-type"] == theirs["content-type"]
    for name in ALWAYS_THE_SAME:
        assert ours.get(name) == theirs.get(name), (name, call["path"])
    family = re.compile("act_addr_fam=[^;]*")
    if "x-ms-keyvault-network-info" in theirs:
        assert family.findall(ours["x-ms-keyvault-network-info"]) == family.findall(
            theirs["x-ms-keyvault-network-info"]
        )
    activity = re.search(r"\(Activity ID: ([0-9a-f-]{36})\)", text)
    assert ("Activity ID" in call["body"]) == bool(activity)
    if activity:
        assert activity.group(1) == ours["x-ms-request-id"]
        assert activity.group(1)[14] == "1"  # made of the time


def recorded_items(calls, index):
    """The items of the list that begins with this call."""
    items = []
    for call in calls[index:]:
        page = json.loads(call["body"])
        items += page["value"]
        if page.get("nextLink") is None:
            break
    return items


def make_missing(player, calls):
    """What a recording lists before anything that it made itself was there before."""
    made, seen, inside = set(), set(), False
    for index, call in enumerate(calls):
        page = json.loads(call["body"] or "{}")
        if call["method"] in ("PUT", "POST"):
            made.update(item_key(i) for i in ids_of(page))
            made.update("/".join(item_key(i).split("/")[:2]) for i in ids_of(page))
        if not is_list(call) or inside:
            inside = is_list(call) and page.get("nextLink") is not None
            continue
        inside = page.get("nextLink") is not None
        for item in recorded_items(calls, index):
            key = item_key(item.get("kid") or item["id"])
            if key in made and player.is_hsm:
                break
            if key not in made | seen and "/issuers/" not in (item.get("id") or ""):
                seen.add(key)
                player.make(item)


def item_key(identifier):
    """TYPE/NAME[/VERSION], as far as upper case makes no difference."""
    return "/".join(identifier.split("/")[3:]).upper()


def is_list(call):
    page = json.loads(call["body"] or "{}")
    return call["method"] == "GET" and isinstance(page.get("value"), list)


def item_name(item):
    return normal(item.get("kid") or item["id"])


def options_of(calls):
    """The options of a local vault that answers as the recorded one."""
    challenge = next(c["headers"]["www-authenticate"] for c in calls if c["status"] == 401)
    options = ["--suffix", "vault.azure.net", "--vault", "recorded", "--pending", "200"]
    options += ["--challenge-authority", re.search(r'"(https://[^/]+)/', challenge).group(1)]
    if "CustomizedRecoverable" in json.dumps(calls):
        options += ["--retention", "7"]
    if any("x-ms-keyvault-rbac-assignment-id" in c["headers"] for c in calls):
        options += ["--deny-kind", "rbac"]
    return options + (["--hsm"] if "managedhsm" in calls[0]["host"] else ["--lag", "200"])


def test_there_are_recordings():
    if not FOLDER.is_dir():
        pytest.skip(f"there are no recordings in {FOLDER}")
    assert len(RECORDINGS) >= 20


@pytest.mark.parametrize("file", RECORDINGS, ids=[f.stem for f in RECORDINGS])
def test_the_answers_have_the_recorded_form(file, material):
    calls = json.loads(file.read_text())
    with LocalVault(*options_of(calls)) as vault:
        player = Player(vault, calls, material)
        make_missing(player, calls)
        index = 0
        while index < len(calls):
            call = calls[index]
            if is_list(call):
                if "/issuers" not in call["path"]:
                    player.align(index)
                recorded, ours, used = player.play_list(index)
                given = urllib.parse.parse_qs(call["query"]).get("maxresults", ["25"])
                compare_lists(recorded, ours, int(given[0]), player.is_hsm)
                index += used
                continue
            recorded, answer, headers, text = player.play(index)
            check_headers(call, headers, text)
            if call["status"] != 401 or player.api != "7.0":
                compare(recorded, answer, "")
            index += 1
    assert vault.status == 0


def compare_lists(recorded, ours, limit, is_hsm):
    theirs = [item for page in recorded for item in page["value"]]
    mine = [item for page in ours for item in page["value"]]
    assert list(map(item_name, theirs)) == list(map(item_name, mine))
    for r, o in zip(theirs, mine):
        compare(r, o, "/item")
    assert all(len(page["value"]) <= limit for page in ours)
    if is_hsm:
        assert [len(page["value"]) for page in recorded] == [len(page["value"]) for page in ours]
        assert list(map(list, recorded)) == list(map(list, ours))
        return
    for items in (theirs, mine):
        keys = [(item.get("kid") or item["id"]).upper() for item in items]
        assert keys == sorted(keys)
    assert all(list(page) == ["value", "nextLink"] for page in ours)
