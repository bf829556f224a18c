"""Asks azure-identity for one token: one_token.py CLASS READY-LINE OPTIONS. Prints its start, or the error.

The authority is in AZURE_AUTHORITY_HOST: as an argument, some versions pass it on to object()."""

import json
import sys

import azure.identity


def make(kind, ready, options):
    cls = getattr(azure.identity, kind)
    token = options.pop("token", None)
    if token is not None:
        options["func"] = lambda: token
    if kind == "ManagedIdentityCredential":
        return cls(**options)
    if kind in ("AzurePipelinesCredential", "WorkloadIdentityCredential"):
        return cls(tenant_id=ready["tenant"], client_id=ready["client_id"], disable_instance_discovery=True, **options)
    no_discovery = {"disable_instance_discovery": True}
    if "b" in azure.identity.__version__:  # Debian 12 has a beta, with another name for it
        no_discovery = {} if kind == "ClientAssertionCredential" else {"instance_discovery": False}
    return cls(ready["tenant"], ready["client_id"], **no_discovery, **options)


def main(kind, ready, options):
    credential = make(kind, json.loads(ready), json.loads(options))
    try:
        print(credential.get_token("https://vault.azure.net/.default").token[:3])
    except Exception as e:  # whatever it is, the test compares its text
        print(e)


main(*sys.argv[1:])
