"""A client's SDK as a program of its own: one line of JSON asks, one answers.

Each SDK has a driver of a few hundred lines (python/, js/, go/, java/) that does the same operations:

	open(url, credential_of, only=)                   the clients of a vault; credential_of.kind is secret,
	                                                  certificate, workload, managed, cli or default
	token(resource)                                   what the credential gives for it
	create_key, import_key, set_secret, create_certificate, import_certificate
	list(kind, page=), versions(kind, name), deleted(kind), get(kind, name, version=)
	backup(kind, name), restore(kind, blob), delete, recover, purge (kind, name); delete and recover return when
	                                                  the SDK's poller ends
	contacts(what, values=), issuers(what, name=, provider=, account=)    what: set, get, list, delete

Bytes are in base64. An answer is {"ok": …} or {"error": text, "status": HTTP's or null, "code": the service's}.
"""
import base64
import json
import os
import pathlib
import shlex
import subprocess
import tempfile

SDK = os.environ["INTEROP_SDK"]
COMMAND = shlex.split(os.environ["INTEROP_DRIVER"])
OF_A_USER = ("AZURE_", "IDENTITY_", "MSI_", "IMDS_", "SSL_CERT", "REQUESTS_CA", "NODE_EXTRA", "JAVA_TOOL", "KVFS_")


class Refused(Exception):
    """What the SDK raised; status is None if no answer was the reason."""

    def __init__(self, answer):
        super().__init__(answer["error"])
        self.status, self.code = answer["status"], answer.get("code")


def environment(vault, directory, **more):
    """That of a user of this SDK who has no credential."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(OF_A_USER)}
    ca = vault.ready["ca"]
    env |= {"REQUESTS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca, "SSL_CERT_FILE": ca,
            "AZURE_AUTHORITY_HOST": vault.ready["authority"], "HOME": str(directory)}
    if SDK == "java":
        store = pathlib.Path(ca).with_suffix(".p12")
        if not store.exists():
            subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "local", "-file", ca, "-keystore", store,
                            "-storepass", "changeit"], check=True, capture_output=True)
        env["JAVA_TOOL_OPTIONS"] = f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=changeit"
    return env | more


class Sdk:
    def __init__(self, env, before=()):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*before, *COMMAND], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.errors.close()

    def ask(self, op, **arguments):
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise AssertionError(f"{SDK}: the driver has ended: {self.errors.read()[-4000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer)
        return answer["ok"]

    def __getattr__(self, op):
        return lambda **arguments: self.ask(op, **arguments)

    def backup(self, kind, name):
        return base64.b64decode(self.ask("backup", kind=kind, name=name))

    def restore(self, kind, blob):
        return self.ask("restore", kind=kind, blob=base64.b64encode(blob).decode())

    def describe(self, kind, name):
        """All that the SDK tells of each version."""
        return {v: self.get(kind=kind, name=name, version=v) for v in self.versions(kind=kind, name=name)}
