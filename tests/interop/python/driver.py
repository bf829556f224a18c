"""Does with the Azure SDK for Python what each line of its input asks for. tests/interop/driver.py has the requests."""
import base64
import json
import sys

from azure.core.exceptions import AzureError
from azure.identity import (AzureCliCredential, CertificateCredential, ClientSecretCredential, DefaultAzureCredential,
                            ManagedIdentityCredential, WorkloadIdentityCredential)
from azure.keyvault.certificates import CertificateClient, CertificateContact, CertificatePolicy
from azure.keyvault.keys import JsonWebKey, KeyClient
from azure.keyvault.secrets import SecretClient

clients = {}
credential = None


def make_credential(kind, tenant=None, client_id=None, secret=None, path=None, password=None, chain=False):
    if kind == "secret":
        return ClientSecretCredential(tenant, client_id, secret, disable_instance_discovery=True)
    if kind == "certificate":
        return CertificateCredential(tenant, client_id, path, password=password, send_certificate_chain=chain,
                                     disable_instance_discovery=True)
    if kind == "workload":
        return WorkloadIdentityCredential(tenant_id=tenant, client_id=client_id, token_file_path=path,
                                          disable_instance_discovery=True)
    if kind == "managed":
        return ManagedIdentityCredential(**({"client_id": client_id} if client_id else {}))
    if kind == "cli":
        return AzureCliCredential()
    return DefaultAzureCredential(disable_instance_discovery=True)


def client_of(kind):
    return clients[kind]


def open_vault(url, credential_of, only=("keys", "secrets", "certificates")):
    global credential
    credential = make_credential(**credential_of)
    kinds = {"keys": KeyClient, "secrets": SecretClient, "certificates": CertificateClient}
    clients.update({kind: kinds[kind](url, credential) for kind in only})


def token(resource):
    return credential.get_token(resource + "/.default").token


def b64(data):
    return base64.b64encode(data).decode() if data else None


def common(p):
    return {"version": p.version, "enabled": p.enabled, "tags": p.tags or {}, "created": int(p.created_on.timestamp()),
            "updated": int(p.updated_on.timestamp())}


def describe(kind, name, version=None):
    client = client_of(kind)
    if kind == "keys":
        k = client.get_key(name, version)
        return {**common(k.properties), "kty": str(k.key.kty.value if hasattr(k.key.kty, "value") else k.key.kty),
                "ops": sorted(str(getattr(o, "value", o)) for o in k.key_operations),
                **{m: b64(getattr(k.key, m, None)) for m in ("n", "e", "x", "y")}}
    if kind == "secrets":
        s = client.get_secret(name, version)
        return {**common(s.properties), "value": s.value, "content_type": s.properties.content_type}
    c = client.get_certificate_version(name, version) if version else client.get_certificate(name)
    return {**common(c.properties), "cer": b64(bytes(c.cer)), "thumbprint": c.properties.x509_thumbprint.hex()}


def create_key(name, kty, size=None, curve=None, tags=None, hsm=False):
    if kty == "RSA":
        client_of("keys").create_rsa_key(name, size=size, tags=tags, hardware_protected=hsm)
    else:
        client_of("keys").create_ec_key(name, curve=curve, tags=tags, hardware_protected=hsm)


def import_key(name, jwk, hsm=False):
    members = {k: base64.urlsafe_b64decode(v + "==") for k, v in jwk.items() if k != "kty"}
    client_of("keys").import_key(name, JsonWebKey(kty=jwk["kty"], **members), hardware_protected=hsm)


def set_secret(name, value, content_type=None, tags=None):
    client_of("secrets").set_secret(name, value, content_type=content_type, tags=tags)


def create_certificate(name, subject):
    client_of("certificates").begin_create_certificate(name, CertificatePolicy("Self", subject=subject)).result()


def import_certificate(name, pfx, password):
    client_of("certificates").import_certificate(name, base64.b64decode(pfx), password=password)


def listing(pages):
    names, sizes = [], []
    for page in pages:
        items = [p.name for p in page]
        names += items
        sizes.append(len(items))
    return {"names": names, "pages": sizes}


def list_names(kind, page=None):
    more = {"max_page_size": page} if page else {}
    return listing(getattr(client_of(kind), f"list_properties_of_{kind}")(**more).by_page())


def list_versions(kind, name):
    return [p.version for p in getattr(client_of(kind), f"list_properties_of_{kind[:-1]}_versions")(name)]


def list_deleted(kind):
    return listing(getattr(client_of(kind), f"list_deleted_{kind}")().by_page())


def contacts(what, values=()):
    client = client_of("certificates")
    if what == "set":
        got = client.set_contacts([CertificateContact(**v) for v in values])
    else:
        got = client.get_contacts() if what == "get" else client.delete_contacts()
    return [{"email": c.email, "name": c.name, "phone": c.phone} for c in got]


def issuers(what, name=None, provider=None, account=None):
    client = client_of("certificates")
    if what == "list":
        return [[p.name, p.provider] for p in client.list_properties_of_issuers()]
    if what == "set":
        got = client.create_issuer(name, provider, account_id=account)
    else:
        got = client.get_issuer(name) if what == "get" else client.delete_issuer(name)
    return {"name": got.name, "provider": got.provider, "account": got.account_id, "enabled": got.enabled}



def poll(verb):
    def wait(kind, name):
        getattr(client_of(kind), verb.format(kind[:-1]))(name).wait()
    return wait


def backup(kind, name):
    return b64(getattr(client_of(kind), f"backup_{kind[:-1]}")(name))


def restore(kind, blob):
    data = base64.b64decode(blob)
    if kind == "keys":
        return client_of(kind).restore_key_backup(data).name
    if kind == "secrets":
        return client_of(kind).restore_secret_backup(data).name
    return client_of(kind).restore_certificate_backup(data).name


def purge(kind, name):
    getattr(client_of(kind), f"purge_deleted_{kind[:-1]}")(name)


OPERATIONS = {
    "open": open_vault, "token": token, "get": describe, "create_key": create_key, "import_key": import_key,
    "set_secret": set_secret, "create_certificate": create_certificate, "import_certificate": import_certificate,
    "list": list_names, "versions": list_versions, "deleted": list_deleted, "backup": backup, "restore": restore,
    "delete": poll("begin_delete_{}"), "recover": poll("begin_recover_deleted_{}"), "purge": purge,
    "contacts": contacts, "issuers": issuers,
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": OPERATIONS[request.pop("op")](**request)}
    except AzureError as e:
        error = getattr(e, "error", None)
        answer = {"error": str(e), "status": getattr(e, "status_code", None), "code": getattr(error, "code", None)}
    print(json.dumps(answer), flush=True)
