"""A server that answers what a test says: for what the local vault, being well-behaved, never would."""
import http.server
import json
import socket
import ssl
import threading

from harness import ok


class FakeServer:
    """HTTPS on 127.0.0.1, or on address. answer(method, path, headers, body) gives (status, headers, body)."""

    def __init__(self, directory, answer, address="127.0.0.1"):
        self.requests = []
        self.ca = directory / "fake.pem"
        key = directory / "fake.key"
        ok("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
           "-subj", "/CN=fake", "-addext", "subjectAltName=DNS:localhost,DNS:fake.localhost,IP:127.0.0.1,IP:::1",
           "-keyout", key, "-out", self.ca)
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.requests.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = answer(self.command, self.path, self.headers, body)
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                (self.send_response_only if "Date" in headers else self.send_response)(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_PUT = handle_any

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        self.server = Server((address, 0), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca, key)
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.host = f"[{address}]:{self.port}" if ":" in address else f"fake.localhost:{self.port}"
        self.url = f"https://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


TENANT = "12345678-1234-1234-1234-123456789abc"
CHALLENGE = 'authorization="https://{host}/{tenant}", resource="https://{bare}"'


class FakeVault(FakeServer):
    """A vault and token service with the lists that it is given: type -> items; {host} is replaced."""

    def __init__(self, directory, lists, challenge=CHALLENGE, answer=None, address="127.0.0.1"):
        self.lists, self.challenge, self.more = lists, challenge, answer
        super().__init__(directory, self.answer, address)

    def answer(self, method, path, headers, body):
        if path.endswith("/oauth2/v2.0/token"):
            return 200, {"Content-Type": "application/json"}, {
                "token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"}
        if "Authorization" not in headers:
            bare = self.host if self.host.startswith("[") else f"localhost:{self.port}"
            challenge = self.challenge.format(host=self.host, bare=bare, tenant=TENANT)
            return 401, {"WWW-Authenticate": f"Bearer {challenge}"}, {
                "error": {"code": "Unauthorized", "message": "no"}}
        if self.more is not None:
            answer = self.more(method, path, headers, body)
            if answer is not None:
                return answer
        kind = path.split("?")[0].strip("/")
        if kind in self.lists:
            text = json.dumps({"value": self.lists[kind], "nextLink": None})
            return 200, {"Content-Type": "application/json"}, text.replace("{host}", self.host).encode()
        if kind in ("keys", "secrets", "certificates"):
            return 200, {"Content-Type": "application/json"}, {"value": [], "nextLink": None}
        return 404, {}, {"error": {"code": "NotFound", "message": "nothing here"}}

    def environment(self):
        return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "me", "AZURE_CLIENT_SECRET": "a-secret",
                "AZURE_AUTHORITY_HOST": self.url}


def secret_item(name, host="{host}", **more):
    return {"id": f"https://{host}/secrets/{name}", "attributes": {"enabled": True, "created": 1700000000,
                                                                  "updated": 1700000000}, **more}
