"""Networks that fail, each in its own way: servers, certificates and proxies for the sentences of kvfs."""
import base64
import contextlib
import datetime
import ipaddress
import socket
import ssl
import struct
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA of its own."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = directory / f"{name.replace(' ', '-')}.pem"
        basics = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self.builder(self.name, self.key, -DAY, DAY).add_extension(basics, critical=True).sign(
            self.key, hashes.SHA256())
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def builder(self, subject, key, start, end):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(NOW + start).not_valid_after(NOW + end))

    def sign(self, *names, start=-DAY, end=DAY, usage=ExtendedKeyUsageOID.SERVER_AUTH):
        """A file with a key and a certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        certificate = self.builder(subject, key, start, end).add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False).sign(self.key, hashes.SHA256())
        path = self.directory / f"server-{x509.random_serial_number():x}.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM))
        return path


@contextlib.contextmanager
def server(serve, address="127.0.0.1", port=0):
    """A TCP server that calls serve(connection) for each connection; its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=50)

    def answer(client):
        with client, contextlib.suppress(OSError, ssl.SSLError):
            serve(client)

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def context_of(pem, **changes):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if "ciphers" in changes:
        context.set_ciphers(changes.pop("ciphers"))
    for name, value in changes.items():
        setattr(context, name, value)
    return context


def with_tls(pem, then=lambda connection: connection.recv(65536), **changes):
    """For server(): a TLS handshake, and then what the test says."""
    context = context_of(pem, **changes)

    def serve(client):
        with context.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as connection:
            try:
                connection.do_handshake()
            except ssl.SSLError:  # so that the client sees the alert, and not a reset
                connection.shutdown(socket.SHUT_WR)
                is_silent(connection)
                return
            then(connection)

    return serve


def closes(client):
    client.recv(65536)


def resets(client):
    client.recv(100)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def speaks_http(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def is_silent(client):
    while client.recv(65536):
        pass


def relay(a, b):
    """Both ways, until one side ends."""
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for s in (source, target):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=copy, args=(b, a), daemon=True)
    thread.start()
    copy(a, b)
    thread.join()


def read_head(client):
    """A request up to its blank line; without one the thread of the connection ends."""
    head = b""
    while b"\r\n\r\n" not in head:
        byte = client.recv(1)
        if not byte:
            raise ConnectionError("no whole request")
        head += byte
    return head


class Proxy:
    """An HTTP proxy for server(): CONNECT only. Names that end in .test are on this machine."""

    def __init__(self, user=None):
        self.user = user
        self.requests = []

    def __call__(self, client):
        first, *lines = read_head(client).decode().strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        target = first.split()[1]
        self.requests.append((target, headers))
        if self.user and headers.get("proxy-authorization") != "Basic " + base64.b64encode(self.user.encode()).decode():
            client.sendall(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        host = "127.0.0.1" if host.endswith((".test", "localhost")) else host.strip("[]")
        with socket.create_connection((host, int(port)), 10) as upstream:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            relay(client, upstream)

    @property
    def targets(self):
        return {target for target, _ in self.requests}


class Socks(Proxy):
    """A SOCKS5 proxy that is given names."""

    def __call__(self, client):
        _, n = client.recv(2)
        client.recv(n)
        client.sendall(b"\x05\x00")
        _, _, _, kind = client.recv(4)
        assert kind == 3, "the name was looked up already"
        name = client.recv(client.recv(1)[0]).decode()
        port = struct.unpack("!H", client.recv(2))[0]
        self.requests.append((f"{name}:{port}", {}))
        with socket.create_connection(("127.0.0.1", port), 10) as upstream:
            client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            relay(client, upstream)
