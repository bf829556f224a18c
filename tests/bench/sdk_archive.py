"""An archive of a vault with Microsoft's SDK for Python: sdk_archive.py URL TARGET THREADS [COUNT].

Lists the three types, backs up all objects (or COUNT of them) with so many threads, writes a file for each, and
prints how many, the seconds without the time that Python takes to start and import, and the CPU seconds: of the whole
process, or of COUNT backups alone.
"""
import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def objects(keys, secrets, certificates):
    """Each object's backup function, type and name; the parts of a certificate are in its own backup."""
    found = [(certificates.backup_certificate, "certificates", p.name)
             for p in certificates.list_properties_of_certificates()]
    found += [(keys.backup_key, "keys", p.name) for p in keys.list_properties_of_keys() if not p.managed]
    found += [(secrets.backup_secret, "secrets", p.name) for p in secrets.list_properties_of_secrets()
              if not p.managed]
    return found


def main(url, target, threads, count=0):
    credential = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
        authority=os.environ["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True)
    clients = [kind(url, credential) for kind in (KeyClient, SecretClient, CertificateClient)]

    def back_up(item):
        function, kind, name = item
        with open(f"{target}/{kind}.{name}.blob", "wb") as file:
            file.write(function(name))

    start, cpu = time.perf_counter(), 0
    found = objects(*clients)
    if count:
        found, start, cpu = found[:count], time.perf_counter(), cpu_s()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(back_up, found))
    print(json.dumps({"objects": len(found), "seconds": time.perf_counter() - start, "cpu_s": cpu_s() - cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(a) for a in sys.argv[3:]))
