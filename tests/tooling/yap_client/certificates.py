"""Certificates for this machine, made on the spot and trusted by nobody else."""

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@frozen
class Certificate:
    """`server`: a context that shows it. `text`: the certificate alone, as PEM."""

    server: ssl.SSLContext
    text: str


def certificate() -> Certificate:
    """A new one for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(text + secret)
        server.load_cert_chain(path)
    return Certificate(server, text.decode())


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """A client's context that trusts this one."""
    return ssl.create_default_context(cadata=certificate.text)


__all__ = ["Certificate", "certificate", "trusting"]
