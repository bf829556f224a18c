"""Key-transfer packages made by other programs than kvfs: by OpenSSL's command line, and by python3-cryptography."""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding

from harness import ok

CURVES = {"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1", "P-256K": "secp256k1"}
OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n):
    return encode(n.to_bytes((n.bit_length() + 7) // 8, "big"))


def make_key(path, kind):
    """A private key as PEM, PKCS#8: kind is RSA-2048, P-256 and so on."""
    how = (["RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[4:]}"] if kind.startswith("RSA-") else
           ["EC", "-pkeyopt", f"ec_paramgen_curve:{CURVES[kind]}"])
    ok("openssl", "genpkey", "-algorithm", *how, "-out", path)
    return path


def create_kek(vault, name="KEK", size=2048, ops=("import",), **more):
    """The KEK's bundle; its private key stays in the vault."""
    return vault.call("POST", f"/keys/{name}/create", {"kty": "RSA-HSM", "key_size": size, "key_ops": list(ops), **more})


def own_kek(vault, directory, name="KEK", size=2048):
    """A KEK whose private key the test has, too: the bundle, and the key."""
    key = rsa.generate_private_key(65537, size)
    n = key.private_numbers()
    jwk = {"kty": "RSA-HSM", "key_ops": ["import"], "n": number(n.public_numbers.n), "e": number(n.public_numbers.e),
           "d": number(n.d), "p": number(n.p), "q": number(n.q), "dp": number(n.dmp1), "dq": number(n.dmq1),
           "qi": number(n.iqmp)}
    bundle = vault.call("PUT", f"/keys/{name}", {"key": jwk, "Hsm": True})
    return bundle, key


def public_pem(bundle, path):
    n, e = (int.from_bytes(decode(bundle["key"][m]), "big") for m in "ne")
    path.write_bytes(rsa.RSAPublicNumbers(e, n).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return path


def by_openssl(directory, bundle, target, *, kid=None, name="made.byok", padded=False):
    """Wrap target, a PEM file or the bytes of a symmetric key, by OpenSSL's command line alone."""
    pem, der, aes, first, second = (directory / f for f in ("kek.pem", "target.der", "aes", "first", "second"))
    public_pem(bundle, pem)
    if isinstance(target, bytes):
        der.write_bytes(target)
    else:
        ok("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", target, "-outform", "DER", "-out", der)
    ok("openssl", "rand", "-out", aes, "32")
    ok("openssl", "enc", "-e", "-id-aes256-wrap-pad", "-K", aes.read_bytes().hex(), "-iv", "A65959A6",
       "-in", der, "-out", second)
    ok("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", pem, "-pkeyopt", "rsa_padding_mode:oaep",
       "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1", "-in", aes, "-out", first)
    ciphertext = base64.urlsafe_b64encode(first.read_bytes() + second.read_bytes()).decode()
    package = {"schema_version": "1.0.0",
               "header": {"kid": kid or bundle["key"]["kid"], "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"},
               "ciphertext": ciphertext if padded else ciphertext.rstrip("="), "generator": "openssl"}
    path = directory / name
    path.write_text(json.dumps(package, indent=2))
    return path


def unwrap(package, kek):
    """What is in a package, by a library that kvfs does not use."""
    data = decode(json.loads(package)["ciphertext"].rstrip("="))
    size = kek.key_size // 8
    aes = kek.decrypt(data[:size], OAEP)
    assert len(aes) == 32
    return aes_key_unwrap_with_padding(aes, data[size:])


def load(path_or_der, password=None):
    data = path_or_der if isinstance(path_or_der, bytes) else path_or_der.read_bytes()
    read = serialization.load_pem_private_key if data.startswith(b"-----") else serialization.load_der_private_key
    return read(data, password)


def signs_what_the_original_verifies(vault, name, original):
    """Sign in the vault with key name, and verify with the public half of original, a PEM file."""
    key, message = load(original), b"signed in the vault"
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    bits = {256: 256, 384: 384, 521: 512}.get(key.key_size, 256)
    alg = "PS256" if is_rsa else "ES256K" if key.curve.name == "secp256k1" else f"ES{bits}"
    digest = hashlib.new(f"sha{bits}", message).digest()
    version = vault.call("GET", f"/keys/{name}")["key"]["kid"].rpartition("/")[2]
    signature = decode(vault.call("POST", f"/keys/{name}/{version}/sign", {"alg": alg, "value": encode(digest)})["value"])
    if is_rsa:
        key.public_key().verify(signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        half = len(signature) // 2
        pair = utils.encode_dss_signature(*(int.from_bytes(signature[i:i + half], "big") for i in (0, half)))
        key.public_key().verify(pair, digest, ec.ECDSA(utils.Prehashed(
            {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[bits])))
    return True
