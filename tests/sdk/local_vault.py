"""A local vault of its own for a test: started, asked by plain HTTPS, and gone afterwards."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_MOUNTS = str(ROOT / "tests" / "own-mounts")
BINARY = os.environ.get("LOCALVAULT", str(ROOT / "build" / "localvault"))


class LocalVault:
    """`with LocalVault("--vault", "one") as v:`; v.ready is the ready line."""

    def __init__(self, *options):
        self.state = tempfile.mkdtemp(prefix="localvault-")
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "--state", self.state, "--listen", "127.0.0.1:0", *self.options],
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise RuntimeError(f"{BINARY} did not start")
        self.ready = json.loads(line)
        self.secret = Path(self.ready["client_secret_file"]).read_text().strip()
        self.context = ssl.create_default_context(cafile=self.ready["ca"])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.status = self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.state, ignore_errors=True)

    def call(self, method, target, body=None, host="localhost", headers=None):
        """One request; target is path and query. Host names need no resolver."""
        connection = http.client.HTTPSConnection(
            "localhost", self.ready["port"], context=self.context, timeout=30
        )
        try:
            connection.request(method, target, body, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def local(self, method, path, value=None):
        body = None if value is None else json.dumps(value)
        status, _, text = self.call(method, "/_local/" + path, body)
        assert status == 200, text
        return json.loads(text)

    def token(self, resource):
        form = urllib.parse.urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": self.ready["client_id"],
                "client_secret": self.secret,
                "scope": resource + "/.default",
            }
        )
        status, _, text = self.call("POST", f"/{self.ready['tenant']}/oauth2/v2.0/token", form)
        assert status == 200, text
        return json.loads(text)["access_token"]
