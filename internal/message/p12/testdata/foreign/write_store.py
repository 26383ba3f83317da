"""Writes a store with a key and several certificates: SCHEME MAC PASSWORD OUT KEY CERTIFICATE OTHER..."""
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key, pkcs12

scheme, mac, password, out, key, *certificates = sys.argv[1:]


def read(name):
    with open(name, "rb") as file:
        return file.read()


encryption = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(5000)
    .key_cert_algorithm(getattr(pkcs12.PBES, scheme))
    .hmac_hash(getattr(hashes, mac)())
    .build(password.encode())
)
leaf, *others = [x509.load_pem_x509_certificate(read(name)) for name in certificates]
data = pkcs12.serialize_key_and_certificates(
    b"authentication", load_pem_private_key(read(key), None), leaf, others, encryption
)
with open(out, "wb") as file:
    file.write(data)
