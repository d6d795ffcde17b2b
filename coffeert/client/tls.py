"""Which certificates are trusted, and why one is not."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from coffeert.errors import ConfigError

_PEM: Final = b"-----BEGIN "
_CLOCK: Final = "the clock of this machine is wrong"
# OpenSSL's X509_V_ERR_*, see X509_STORE_CTX_get_error(3).
_REASONS: Final = {
    9: f"has a certificate that is not valid yet, or {_CLOCK}",
    10: f"has a certificate that has expired, or {_CLOCK}",
    62: "has a certificate for another host name than that of its URL",
    64: "has a certificate for another address than that of its URL",
}
_UNKNOWN_CA: Final = frozenset({2, 18, 19, 20, 21, 27})
_PLAIN_HTTP: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})


def tls_for(server: URL, ca_file: Path | None) -> ssl.SSLContext | bool:
    """Return aiohttp's `ssl` for a server: `ca_file`, in PEM or DER, adds to the CAs of the system.

    Those are OpenSSL's, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Raises `ConfigError`.
    """
    if ca_file is None or server.scheme != "https":
        return True
    context = ssl.create_default_context()
    # On from Python 3.13: what many a private CA lacks, and neither curl nor a browser asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        data = ca_file.read_bytes()
        if _PEM in data:
            context.load_verify_locations(cafile=ca_file)
        else:
            context.load_verify_locations(cadata=data)
    except (ssl.SSLError, ValueError):
        raise ConfigError(
            f"The CA file {str(ca_file)!a} holds no certificate that can be read."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The CA file {str(ca_file)!a} cannot be read: {error.strerror}."
        ) from None
    return context


def tls_reason(error: aiohttp.ClientSSLError) -> str:
    """Describe why there is no TLS with a server, by a phrase whose subject is the server."""
    cause = (
        error.certificate_error
        if isinstance(error, aiohttp.ClientConnectorCertificateError)
        else None
    )
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _UNKNOWN_CA:
            return "has a certificate of a CA unknown here; COFFEERT_CA_FILE names the file of a private CA"
        return _REASONS.get(
            cause.verify_code, f"has a certificate that does not verify: {cause.verify_message}"
        )
    if isinstance(error.os_error, ssl.SSLError) and error.os_error.reason in _PLAIN_HTTP:
        return "does not speak TLS at this port; its URL may have to begin with http://"
    return "could not agree on TLS with this client"
