"""What the mount tests share: a local vault, a mounted kvfs, and waiting for what must come true.

Nothing here touches a mount from this process where that could hang: tools run as processes of
their own, with a time-out, and the watchdog kills the daemon (which wakes whoever waits for it).
"""
import atexit
import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Absolute, because kvfs and the tools are run in directories of their own.
KVFS = os.path.abspath(os.environ.get("KVFS", ROOT / "build" / "kvfs"))
LOCALVAULT = os.path.abspath(os.environ.get("LOCALVAULT", ROOT / "build" / "localvault"))
TYPES = ("keys", "secrets", "certificates")
# A sanitizer makes everything slower.
SLOW = float(os.environ.get("KVFS_TEST_SLOWNESS", "1"))
API = "api-version=7.4"
# Where mounts keep what they learn, but for those of a test that is about it.
CACHE = tempfile.mkdtemp(prefix="kvfs-cache-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)

REPORTS = re.compile(
    r"runtime error:|(Address|Leak|Undefined\w*|Memory|Thread)Sanitizer|Assertion .* failed|"
    r"Segmentation|double free|corrupt(ed|ion)|stack smashing|buffer overflow|free\(\):|malloc\(\):|"
    r"fuse: (bad|unknown|reply|writing)|core dumped")
PAIR = re.compile(r'([A-Za-z_][\w-]*)=("(?:[^"\\]|\\.)*"|\S*)')


def report_in(log):
    """The first line of a program's log that is a sanitizer's report or libc's last words; none of its key=value lines is."""
    for line in log.splitlines():
        if REPORTS.search(line) and PAIR.sub("", line).strip():
            return line
    return None


def eventually(condition, what, seconds=10):
    """Wait until condition() is true, and return what it gives."""
    end = time.monotonic() + seconds * SLOW
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def listed_again(condition, what):
    """
    Wait for what only a later listing shows. kvfs uses one for list_ttl, but at least for ten times as long as it took, and
    for as long again while those that follow fail: a minute if it took 3 s, as it may on a busy machine.
    """
    return eventually(condition, what, 60)


def passes(seconds):
    """Wait until so much time is over, where nothing but the clock decides what is right."""
    end = time.time() + seconds
    eventually(lambda: time.time() > end, f"{seconds} s are over", seconds + 10)


def is_mounted(path):
    wanted = str(path).replace("\\", "\\134").replace(" ", "\\040")
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        return any(line.split()[1] == wanted for line in mounts)


def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Result:
    """How a tool ended. `code` is its exit status, or the negative number of a signal."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds

    def __repr__(self):
        return f"<{shlex.join(self.argv)}: status {self.code}, out {self.out!r:.400}, err {self.err[-800:]!r}>"


def run(*argv, cwd=None, env=None, stdin=None, seconds=60, text=True, shell=None, user=None):
    """Run a tool to its end, a process group of its own as in a shell. shell: a script for bash instead of argv."""
    argv = ["bash", "-c", shell] if shell else [str(a) for a in argv]
    if user is not None:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]
    start = time.monotonic()
    done = subprocess.run(argv, cwd=cwd, env=env, input=stdin, text=text, timeout=seconds * SLOW,
                          stdin=subprocess.DEVNULL if stdin is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, process_group=0)
    return Result(argv, done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def ok(*argv, **kwargs):
    """Run a tool that must succeed; what it printed."""
    result = run(*argv, **kwargs)
    assert result.code == 0, result
    return result.out


def fails(*argv, **kwargs):
    """Run a tool that must fail by an exit status of its own."""
    result = run(*argv, **kwargs)
    assert result.code > 0, result
    return result


def needs(tool):
    """Skip the test where the first word of tool is not installed."""
    program = {"python": "/usr/bin/python3"}.get(tool.split()[0], tool.split()[0])
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


# A command that runs another one with mounts of its own.
PRIVATE_MOUNTS = (str(ROOT / "tests/own-mounts"),)


def needs_private_mounts():
    """Skip the test where none can be had, as in a plain chroot, whose root is no mount."""
    if run(*PRIVATE_MOUNTS, "true").code != 0:
        pytest.skip("a mount namespace needs root, and a root that is a mount")


# The error that a system call on a path gives, asked in a process of its own.
PROBE = """
import errno, os, sys
call, path = sys.argv[1:3]
try:
    if call == "open":
        os.close(os.open(path, os.O_RDONLY))
    elif call == "read":
        with open(path, "rb", buffering=0) as f:
            while f.read(65536):
                pass
    elif call == "stat":
        os.stat(path)
    elif call == "list":
        os.listdir(path)
    elif call == "create":
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    elif call == "write":
        with open(sys.argv[3], "rb") as f:
            data = f.read()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        done = 0
        while done < len(data):
            done += os.write(fd, data[done:])
        os.close(fd)
    else:
        getattr(os, call)(*sys.argv[2:])
except OSError as e:
    print(errno.errorcode.get(e.errno, e.errno))
else:
    print("0")
"""


def errno_of(call, path, *more, seconds=60, user=None):
    """"0" or "EACCES" and the like for open, read, stat, list, create, write, or one of module os."""
    return ok("/usr/bin/python3", "-c", PROBE, call, path, *more, seconds=seconds, user=user).strip()


class Process:
    """A program in the background, with its output in files."""

    def __init__(self, argv, directory, name, env=None, **kwargs):
        self.argv = [str(a) for a in argv]
        self.out_path = directory / f"{name}.out"
        self.err_path = directory / f"{name}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          env=env, start_new_session=True, **kwargs)
        self.pid = self.child.pid

    @property
    def out(self):
        return self.out_path.read_text(errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def wait(self, seconds=15):
        try:
            return self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s: {shlex.join(self.argv)}") from None

    def kill(self):
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.child.wait(30)


class Vault:
    """A local vault process: one or more vaults, a token service, and the switches of tests."""

    def __init__(self, directory, *names, seed=None, options=(), env=None, listen="127.0.0.1:0"):
        self.directory = directory
        self.address = listen.rpartition(":")[0].strip("[]")
        directory.mkdir(parents=True, exist_ok=True)
        argv = [LOCALVAULT, "--listen", listen, "--state", directory / "state", "--lag", "0"]
        for name in names or ("first",):
            argv += ["--vault", name]
        if seed:
            # EC keys are made quickly.
            argv += ["--seed", seed if "kty=" in seed else f"{seed},kty=EC"]
        self.process = Process([*argv, *options], directory, "localvault", env=env)
        line = eventually(self._ready, "localvault's ready line", 30)
        self.ready = json.loads(line)
        self.ca = self.ready["ca"]
        self.authority = self.ready["authority"]
        self.tenant = self.ready["tenant"]
        self.client_id = self.ready["client_id"]
        self.secret_file = self.ready["client_secret_file"]
        self.secret = pathlib.Path(self.secret_file).read_text().strip()
        self.urls = {name: url.rstrip("/") for name, url in self.ready["vaults"].items()}
        self.names = list(self.urls)
        self.name = self.names[0]
        self.url = self.urls[self.name]
        self.imds = self.ready.get("imds")
        self.port = self.ready["port"]
        self.context = ssl.create_default_context(cafile=self.ca)
        self.tokens = {}

    def _ready(self):
        assert self.process.is_running(), self.process.err
        return self.process.out.partition("\n")[0] if "\n" in self.process.out else None

    def stop(self):
        if self.process.is_running():
            self.process.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.child.wait(10)
        self.process.kill()
        assert not report_in(self.process.err), self.process.err[-4000:]

    def host(self, name=None):
        return self.urls[name or self.name].removeprefix("https://").rstrip("/").partition(":")[0]

    def send(self, method, path, body=None, host=None, headers=None):
        """One HTTPS request, whatever the host is called: status, headers, bytes."""
        raw = socket.create_connection((self.address, self.port), 30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = host or self.host()
        connection = http.client.HTTPSConnection(host, self.port, timeout=60, context=self.context)
        connection.sock = self.context.wrap_socket(raw, server_hostname=host)
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def token(self, client_id=None, secret=None, claims=""):
        client_id = client_id or self.client_id
        if (client_id, claims) not in self.tokens:
            resource = self.resource()
            form = (f"grant_type=client_credentials&client_id={client_id}&client_secret={secret or self.secret}"
                    f"&scope={resource}/.default{claims}").replace(":", "%3A").replace("/", "%2F")
            status, _, answer = self.send("POST", f"/{self.tenant}/oauth2/v2.0/token", form.encode(), "localhost",
                                          {"Content-Type": "application/x-www-form-urlencoded"})
            assert status == 200, answer
            self.tokens[client_id, claims] = json.loads(answer)["access_token"]
        return self.tokens[client_id, claims]

    def resource(self):
        _, headers, _ = self.send("GET", f"/keys?{API}")
        return re.search(r'resource="([^"]+)"', headers["WWW-Authenticate"]).group(1)

    def call(self, method, path, body=None, vault=None, statuses=(200, 202, 204)):
        """A request of an application: the JSON that came back."""
        mark = "&" if "?" in path else "?"
        status, _, answer = self.send(method, f"{path}{mark}{API}", body, self.host(vault),
                                      {"Authorization": f"Bearer {self.token()}"})
        assert status in statuses, f"{method} {path}: {status} {answer[:500]!r}"
        return json.loads(answer) if answer else None

    def status(self, method, path, body=None, vault=None):
        mark = "&" if "?" in path else "?"
        return self.send(method, f"{path}{mark}{API}", body, self.host(vault),
                         {"Authorization": f"Bearer {self.token()}"})[0]

    # The objects.
    def set_secret(self, name, value="a value", vault=None, **more):
        return self.call("PUT", f"/secrets/{name}", {"value": value, **more}, vault)

    def create_key(self, name, kty="EC", vault=None, **more):
        kind = {"crv": "P-256"} if kty == "EC" else {"key_size": 2048}
        return self.call("POST", f"/keys/{name}/create", {"kty": kty, **kind, **more}, vault)

    def create_certificate(self, name, vault=None):
        policy = {"key_props": {"exportable": True, "kty": "EC", "crv": "P-256", "reuse_key": False},
                  "secret_props": {"contentType": "application/x-pkcs12"},
                  "x509_props": {"subject": f"CN={name}", "validity_months": 12},
                  "issuer": {"name": "Self"}}
        self.call("POST", f"/certificates/{name}/create", {"policy": policy}, vault)
        eventually(lambda: self.status("GET", f"/certificates/{name}/versions", vault=vault) == 200 and
                   self.call("GET", f"/certificates/{name}/versions", vault=vault)["value"], f"certificate {name}")

    def backup(self, kind, name, vault=None):
        value = self.call("POST", f"/{kind}/{name}/backup", b"", vault)["value"]
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))

    def restore(self, kind, blob, vault=None):
        value = base64.urlsafe_b64encode(blob).decode().rstrip("=")
        return self.call("POST", f"/{kind}/restore", {"value": value}, vault)

    def delete(self, kind, name, vault=None):
        self.call("DELETE", f"/{kind}/{name}", vault=vault)
        eventually(lambda: self.status("GET", f"/deleted{kind}/{name}", vault=vault) == 200, f"{name} is deleted")

    def purge(self, kind, name, vault=None, wait=True):
        self.call("DELETE", f"/deleted{kind}/{name}", vault=vault)
        if wait:
            eventually(lambda: self.status("GET", f"/deleted{kind}/{name}", vault=vault) == 404, f"{name} is gone")

    def lose(self, kind, name, vault=None):
        self.delete(kind, name, vault)
        self.purge(kind, name, vault)

    def pages(self, path, vault=None):
        """The items of all pages of a list."""
        items, path = [], f"{path}?{API}"
        while path:
            status, _, answer = self.send("GET", path, None, self.host(vault),
                                          {"Authorization": f"Bearer {self.token()}"})
            assert status == 200, f"GET {path}: {status} {answer[:500]!r}"
            page = json.loads(answer)
            items += page["value"]
            path = page["nextLink"] and "/" + page["nextLink"].split("/", 3)[3]
        return items

    def list(self, kind, vault=None):
        """The names of a type, in the service's order and spelling, but those that belong to a certificate."""
        return [(i.get("kid") or i["id"]).rpartition("/")[2] for i in self.pages(f"/{kind}", vault)
                if not i.get("managed")]

    def versions(self, kind, name, vault=None):
        return sorted((i.get("kid") or i["id"]).rpartition("/")[2]
                      for i in self.pages(f"/{kind}/{name}/versions", vault))

    # The switches.
    def local(self, method, path, body=None):
        status, _, answer = self.send(method, path, body, "localhost")
        assert status in (200, 204), f"{method} {path}: {status} {answer[:500]!r}"
        return json.loads(answer) if answer else None

    def stats(self, vault=None):
        """The counters of one vault, or of all together with the token service."""
        stats = self.local("GET", "/_local/stats")
        return stats["vaults"][vault] if vault else stats

    def reset(self):
        self.local("POST", "/_local/stats/reset")

    def count(self, operation, status=None, vault=None):
        """How many requests of an operation, with a status (a number, or "none") or with any."""
        counts = self.stats(vault)["requests"].get(operation, {})
        return counts.get(str(status), 0) if status is not None else sum(counts.values())

    def fault(self, **what):
        """operation, type, name, vault, action, status, code, message, refusal, delay_ms, retry_after, share, skip, count"""
        self.local("POST", "/_local/faults", what)

    def clear(self):
        self.local("DELETE", "/_local/faults")

    def config(self, **what):
        self.local("POST", "/_local/config", what)

    def rights(self, rights, principal=None, deny=None):
        """"keys=list,get;secrets=*" from now on. deny: what a 403 names: policy, rbac, firewall, connection, private-link."""
        self.local("POST", "/_local/rights", {"rights": rights, **({"principal": principal} if principal else {}),
                                              **({"deny_kind": deny} if deny else {})})

    def dump(self, vault=None):
        return self.local("GET", f"/_local/dump?vault={vault or self.name}")


def environment(vault=None, **changes):
    """The environment of kvfs: nothing of the caller's but what programs need to run."""
    env = {k: v for k, v in os.environ.items()
           if k in ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_PRELOAD")}
    if "HOME" not in changes:
        env["XDG_CACHE_HOME"] = CACHE
    # Nothing may look for a managed identity outside this machine.
    env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:9"
    if vault is not None:
        env.update(AZURE_TENANT_ID=vault.tenant, AZURE_CLIENT_ID=vault.client_id,
                   AZURE_CLIENT_SECRET=vault.secret, AZURE_AUTHORITY_HOST=vault.authority)
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


class Line(dict):
    """A line of the log: its key=value pairs, and the text."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        for key, value in PAIR.findall(text):
            self[key] = value[1:-1] if value.startswith('"') else value


class Mount:
    """kvfs in the foreground on a directory of its own; program is what runs it, for example valgrind."""

    def __init__(self, directory, argv, env, program=()):
        self.directory = directory
        self.path = directory / "mnt"
        self.path.mkdir(parents=True, exist_ok=True)
        self.process = Process([*program, KVFS, "-f", *argv, self.path], directory, "kvfs", env=env, cwd=directory)
        self.is_ended = False
        self.allowed = []
        self.status = None

    def wait_until_mounted(self, seconds=30):
        def mounted():
            if not self.process.is_running():
                raise AssertionError(f"kvfs ended with {self.process.child.returncode}: {self.process.err}")
            return is_mounted(self.path)
        eventually(mounted, "the mount", seconds)
        return self

    def __truediv__(self, name):
        return self.path / name

    def __fspath__(self):
        return str(self.path)

    def lines(self, **wanted):
        """The log so far: lines that have these pairs."""
        lines = [Line(text) for text in self.process.err.splitlines()]
        return [x for x in lines if all(x.get(k) == str(v) for k, v in wanted.items())]

    def line(self, **wanted):
        """The one line that has these pairs, as soon as it is there."""
        found = eventually(lambda: self.lines(**wanted), f"a log line {wanted} in:\n{self.process.err}", 5)
        assert len(found) == 1, "\n".join(x.text for x in found)
        return found[0]

    def names(self, kind):
        return ok("ls", "-1U", self / kind).split()

    def unmount(self, how="fusermount3"):
        """End it in a way that must work; its exit status must be 0 and its log clean."""
        if how == "fusermount3":
            ok("fusermount3", "-u", self.path)
        else:
            self.process.child.send_signal(how)
        self.status = self.process.wait(20)
        self.is_ended = True
        self.check()
        assert self.status == 0, f"exit status {self.status}:\n{self.process.err}"
        assert not is_mounted(self.path)
        return self

    def check(self):
        report = report_in(self.process.err)
        assert not report, f"{report} in the log:\n{self.process.err[-6000:]}"
        for text in self.process.err.splitlines():
            if any(re.search(pattern, text) for pattern in self.allowed):
                continue
            rest = PAIR.sub("", text).strip()
            assert rest == "", f"not key=value pairs: {text!r}"

    def discard(self):
        """Whatever state it is in, nothing of it stays."""
        self.process.kill()
        if is_mounted(self.path):
            subprocess.run(["fusermount3", "-uz", str(self.path)], check=False, capture_output=True)
            subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)


class Watchdog:
    """Ends a test that takes too long by killing what it waits for."""

    def __init__(self, seconds):
        self.processes = []
        self.has_barked = False
        self.timer = threading.Timer(seconds * SLOW, self.bark)
        self.timer.daemon = True
        self.timer.start()

    def bark(self):
        self.has_barked = True
        for process in list(self.processes):
            with contextlib.suppress(Exception):
                process.kill()

    def stop(self):
        self.timer.cancel()
        assert not self.has_barked, "the test took too long"


def tree(directory):
    """Every file below a directory: relative path -> bytes."""
    directory = pathlib.Path(directory)
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}
