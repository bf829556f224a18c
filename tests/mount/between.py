"""What stands between kvfs and a vault: a gateway that mixes up answers, a network that forgets connections, HTTP/2."""
import contextlib
import ctypes
import fcntl
import http.server
import shutil
import socket
import ssl
import struct
import termios
import threading
import time

import pytest

from harness import Process, eventually, ok

ID = "x-ms-client-request-id"
DROPPED = {"transfer-encoding", "connection", "content-length"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(vault, folder, name=None):
    """A key and a certificate of the vault's own authority, for the vault's name or another one."""
    folder.mkdir(exist_ok=True)
    authority = vault.directory / "state"
    key, request, signed, names = (folder / name for name in ("front.key", "front.csr", "front.pem", "names"))
    names.write_text(f"subjectAltName=DNS:{name or vault.host()}\n", encoding="ascii")
    ok("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
       "-subj", "/CN=front", "-out", request)
    ok("openssl", "x509", "-req", "-in", request, "-CA", authority / "ca.pem", "-CAkey", authority / "ca.key",
       "-set_serial", "4711", "-days", "2", "-extfile", names, "-out", signed)
    return key, signed


class Answer:
    """A whole answer of the vault: status, headers (a dict, names in lower case) and body, which a test may change."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def text(self):
        lines = [f"HTTP/1.1 {self.status} X"] + [f"{k}: {v}" for k, v in self.headers.items()]
        return "\r\n".join([*lines, f"content-length: {len(self.body)}", "", ""]).encode() + self.body

    @property
    def id(self):
        return self.headers.get(ID)


class Gateway:
    """HTTPS in front of the vault. change(request, answer) gives the Answer that is sent instead.

    With a name of its own, the gateway is called so, and the vault is asked by its public name, without a port.

    A request has method, path, body, id, and n, its number on its connection from 0 on; what change puts into
    request.after (bytes) is sent behind the answer, though nobody asked for it.
    """

    def __init__(self, vault, folder, change=lambda request, answer: answer, name=None):
        self.change = change
        self.requests = []
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            n = 0

            def handle_any(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.method, self.id, self.after = self.command, self.headers.get(ID), b""
                gateway.requests.append((self.method, self.path))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in DROPPED | {"host"}}
                if self.body or self.method == "POST":
                    headers["Content-Length"] = str(len(self.body))
                status, got, content = vault.send(
                    self.method, self.path, self.body or None, None,
                    {**headers, "Host": gateway.public})
                answer = Answer(status, {k.lower(): v for k, v in got.items() if k.lower() not in DROPPED}, content)
                answer = gateway.change(self, answer)
                self.n += 1
                with contextlib.suppress(OSError):
                    self.wfile.write(answer.text())
                    if self.after:
                        time.sleep(0.05)  # what comes at once behind an answer libcurl finds by itself
                        self.wfile.write(self.after)

            do_GET = do_POST = do_PUT = handle_any

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, *args):
                pass

        key, signed = certificate(vault, folder, name)
        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.front = self.server.server_address[1]
        self.url = f"https://{name or vault.host()}:{self.port}"
        self.vault_host = vault.host() if name else None
        self.vault_name = vault.host()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def public(self):
        """What the vault is told that it is called."""
        return self.vault_host or f"{self.vault_name}:{self.front}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def gateway(vault, folder, change=lambda request, answer: answer, http2=False):
    """A Gateway, by HTTP/2 towards kvfs if so wanted."""
    g = Gateway(vault, folder, change)
    try:
        if not http2:
            yield g
            return
        if not shutil.which("nghttpx"):
            pytest.skip("nghttpx is not installed")
        g.front = free_port()
        g.url = f"https://{vault.host()}:{g.front}"
        process = Process(["nghttpx", f"--frontend=127.0.0.1,{g.front}",
                           f"--backend=127.0.0.1,{g.port};;tls;sni={vault.host()}", "--insecure", "--workers=1",
                           "--no-ocsp", "--conf=/dev/null", folder / "front.key", folder / "front.pem"],
                          folder, "nghttpx")
        try:
            eventually(lambda: listens(g.front), "nghttpx listens", 20)
            yield g
        finally:
            process.kill()
    finally:
        g.close()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def unacknowledged(s):
    """Bytes that the kernel keeps for sending them again; 0 for a socket that was closed."""
    if s.fileno() < 0:
        return 0
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


class Relay:
    """A TCP relay to the vault that can forget its connections as a NAT does: nobody is told."""

    # A socket filter that lets nothing in: the kernel acknowledges nothing any more.
    NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))

    def __init__(self, vault, port=None):
        self.vault, self.to_port = vault, port or vault.port
        self.lock = threading.Lock()
        self.pairs, self.dead = [], []
        self.n = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.url = f"https://{vault.host()}:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to_port), 30)
            except OSError:  # the test is over
                return
            pair = [client, server, False]
            with self.lock:
                self.pairs.append(pair)
                self.n += 1
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(pair, a, b), daemon=True).start()

    def pump(self, pair, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                if pair[2]:
                    return
                b.sendall(data)
        if not pair[2]:
            for s in (a, b):
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def forget(self):
        """All that are open now are dead from here on; new ones work."""
        # An answer that was not acknowledged would be sent again and again: a sign of life.
        eventually(lambda: not any(unacknowledged(client) for client, _, _ in self.pairs), "all is acknowledged")
        with self.lock:
            for pair in self.pairs:
                pair[2] = True
                program = struct.pack("HL", 1, ctypes.addressof(self.NOTHING))
                with contextlib.suppress(OSError):
                    pair[0].setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
            self.dead, self.pairs = self.dead + self.pairs, []

    def close(self):
        self.listener.close()
        for client, server, _ in self.pairs + self.dead:
            client.close()
            server.close()
