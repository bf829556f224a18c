"""What stands between a client and a server: nghttpx for HTTP/2, and a line that is slow."""
import contextlib
import shutil
import socket

import harness
from bench import HERE, PYTHON


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def program(argv, folder, name, port, **kwargs):
    """A server in the background, once it listens; it is gone afterwards."""
    process = harness.Process(argv, folder, name, **kwargs)

    def is_ready():
        assert process.is_running(), f"{name}: {process.err[-2000:]}"
        return listens(port)
    try:
        harness.eventually(is_ready, f"{name} listens", 20)
        yield process
    finally:
        process.child.terminate()
        with contextlib.suppress(AssertionError):
            process.wait(5)
        process.kill()


class Front:
    """The proxy as kvfs sees it."""

    def __init__(self, url, log):
        self.url = url
        self.log = log

    def connections(self):
        """How many connections requests came by: nghttpx logs the client's port of each request."""
        return len(set(self.log.read_text(encoding="ascii").split()))


def certificate(vault, folder):
    """A key and a certificate of the vault's own authority, for the vault's name."""
    authority = vault.directory / "state"
    key, request, signed = (folder / name for name in ("front.key", "front.csr", "front.pem"))
    names = folder / "names"
    names.write_text(f"subjectAltName=DNS:{vault.host()}\n", encoding="ascii")
    harness.ok("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
               "-subj", "/CN=front", "-out", request)
    harness.ok("openssl", "x509", "-req", "-in", request, "-CA", authority / "ca.pem", "-CAkey", authority / "ca.key",
               "-set_serial", "4711", "-days", "2", "-extfile", names, "-out", signed)
    return key, signed


@contextlib.contextmanager
def http2(bench, vault):
    """nghttpx before the vault, by HTTP/2 towards kvfs."""
    if not shutil.which("nghttpx"):
        raise LookupError("nghttpx is not installed")
    folder = bench.folder("front")
    key, signed = certificate(vault, folder)
    port, log = free_port(), folder / "access"
    argv = ["nghttpx", f"--frontend=127.0.0.1,{port}", f"--backend=127.0.0.1,{vault.port};;tls;sni={vault.host()}",
            "--insecure", f"--accesslog-file={log}", "--accesslog-format=$remote_port", "--workers=1",
            "--backend-keep-alive-timeout=60", "--no-ocsp", "--conf=/dev/null", key, signed]
    with program(argv, folder, "nghttpx", port):
        yield Front(f"https://{vault.host()}:{port}", log)


@contextlib.contextmanager
def slow_line(bench, port, latency):
    """A port of this machine whose answers come so many milliseconds late."""
    front = free_port()
    argv = [PYTHON, HERE / "slow_line.py", front, port, latency]
    with program(argv, bench.folder("line"), "line", front):
        yield front
