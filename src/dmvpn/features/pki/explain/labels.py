"""Labels of the shows of certificates. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_CERTIFICATES = "show crypto pki certificates"

_KEYS = label_group(
    "labels of pairs of keys",
    ("show crypto key mypubkey",),
    Word(
        "The name for the keys will be",
        "Under this name they are shown and removed.",
        also=("OK", "RSA keys", "EC keys", "bits"),
    ),
    Word("Key name", "The router's, unless `label` said otherwise."),
    Word("Key type", "RSA, or elliptic curves.", also=("RSA KEYS", "EC KEYS", "KEYS", "keys")),
    Word("Storage Device", "Beside the configuration, with what else the router remembers.", also=("not specified",)),
    Word("Usage", "For everything.", also=("General Purpose Key",)),
    Word("Key is not exportable", "No command shows the private half."),
    Word("Key Data", "The public half, in DER.", clause="RFC 5280 §4.1.2.7"),
    next="show crypto key mypubkey",
)
_CERTIFICATE = label_group(
    "labels of a certificate",
    (_CERTIFICATES,),
    Word("CA Certificate", "The certificate of the authority, by which other certificates are verified."),
    Word("Router Self-Signed Certificate", "A certificate that the router made for itself.", also=("Certificate",)),
    Word("Available", "The certificate is there and can be used."),
    Word(
        "Certificate Serial Number",
        "The number that its authority gave it; revocation lists name it.",
        clause="RFC 5280 §4.1.2.2",
        also=("hex",),
    ),
    Word(
        "Certificate Usage",
        "What the key may be used for.",
        clause="RFC 5280 §4.2.1.3",
        also=("General Purpose", "Signature"),
    ),
    Word("Issuer", "Who signed the certificate.", clause="RFC 5280 §4.1.2.4"),
    Word("Subject", "Whose certificate it is.", clause="RFC 5280 §4.1.2.6", also=("Name", "Subject Name")),
    Word(
        "Validity Date",
        "From when until when it is good; the clock has to be right.",
        next="show clock",
        clause="RFC 5280 §4.1.2.5",
        also=("start date", "end date", "date", "end"),
    ),
    Word(
        "Subject Key Info",
        "The public key and its algorithm.",
        clause="RFC 5280 §4.1.2.7",
        also=(
            "Public Key Algorithm",
            "Public Key",
            "EC Public Key",
            "RSA Public Key",
            "rsaEncryption",
            "ecPublicKey",
            "EC",
            "RSA",
        ),
    ),
    Word(
        "Signature Algorithm",
        "How the authority signed.",
        clause="RFC 5280 §4.1.1.2",
        also=("with RSA Encryption", "with ECDSA", "ECDSA", "RSA Encryption"),
    ),
    Word(
        "Fingerprint",
        "A digest of the whole certificate, to compare with what the authority says.",
        also=("Fingerprint MD5", "Fingerprint SHA1", "Fingerprint SHA256"),
    ),
    Word(
        "X509v3 extensions", "What the certificate says besides.", clause="RFC 5280 §4.2", also=("extensions", "X509v3")
    ),
    Word(
        "X509v3 Key Usage",
        "What the key may do, as bits and in words.",
        clause="RFC 5280 §4.2.1.3",
        also=(
            "Key Usage",
            "Digital Signature",
            "Non Repudiation",
            "Key Encipherment",
            "Data Encipherment",
            "Key Agreement",
            "Key Cert Sign",
            "CRL Signature",
        ),
    ),
    Word(
        "X509v3 Subject Key ID",
        "A digest of the key, by which others name it.",
        clause="RFC 5280 §4.2.1.2",
        also=("Subject Key ID",),
    ),
    Word(
        "X509v3 Authority Key ID",
        "The digest of the authority's key.",
        clause="RFC 5280 §4.2.1.1",
        also=("Authority Key ID",),
    ),
    Word(
        "X509v3 Basic Constraints",
        "Whether it may sign other certificates (CA: TRUE).",
        clause="RFC 5280 §4.2.1.9",
        also=("Basic Constraints", "CA", "TRUE", "FALSE"),
    ),
    Word(
        "X509v3 Subject Alternative Name",
        "Further names and addresses of its owner; IKE compares identities with them.",
        clause="RFC 5280 §4.2.1.6",
        also=("Subject Alternative Name",),
    ),
    Word("CRL Distribution Points", "Where the list of revoked certificates can be had.", clause="RFC 5280 §4.2.1.13"),
    Word(
        "Associated Trustpoints",
        "The `crypto pki trustpoint` lines that use it.",
        next="show crypto pki trustpoints",
        also=("Trustpoint",),
    ),
    Word("Storage", "Under which name it is kept.", also=("nvram", "cer")),
    next=_CERTIFICATES,
    sighted=True,
)

_TRUSTPOINT = label_group(
    "labels of a trustpoint and of revocation lists",
    ("show crypto pki trustpoints", "show crypto pki crls"),
    Word("Serial Number", "The number of the authority's certificate."),
    Word("Certificate configured", "The authority's certificate was pasted or imported."),
    Word(
        "Issuing CA certificate configured",
        "The certificate of the authority is there.",
        also=("Issuing CA authenticated", "Not authenticated"),
    ),
    Word("Router General Purpose certificate configured", "This router's own certificate is there."),
    Word("Last enrollment status", "How the last import of a certificate ended.", also=("Granted",)),
    Word("Keys generated", "Whether the key is there; it cannot be read out again.", also=("non-exportable",)),
    Word("Certificate request(s)", "Whether there is a certificate for the key.", also=("Certificate request",)),
    Word(
        "CRL Issuer Name",
        "Whose list of revoked certificates it is.",
        next="show crypto pki crls",
        clause="RFC 5280 §5.1.2.3",
    ),
    Word("LastUpdate", "When the list was made.", clause="RFC 5280 §5.1.2.4"),
    Word("NextUpdate", "When the list is out of date.", clause="RFC 5280 §5.1.2.5"),
    Word("CRL downloaded", "When the router fetched the list: never, lists are imported."),
    Word("Retrieved from CRL Distribution Point", "From where it was fetched.", also=("CDP Not Published", "Imported")),
    Word("Revoked certificates", "How many certificates the list takes back.", clause="RFC 5280 §5.1.2.6"),
    Word("CRL DER", "The size of the list.", also=("CRL is stored in parsed CRL cache",)),
    Word("Parsed CRL cache current size", "How much room all lists take.", also=("Parsed CRL cache maximum size",)),
    next="show crypto pki trustpoints status",
    sighted=True,
)

_IMPORT = label_group(
    "what an import says",
    ("crypto pki import", "crypto pki authenticate"),
    Word("Trustpoint CA certificate accepted", "The authority is believed from now on."),
    Word("Certificate successfully imported", "The router can prove itself with it from now on."),
    Word("Certificate has the following attributes", "Compare its fingerprint before it is accepted."),
    Word("Certificate was not accepted", "The answer was not yes; nothing was kept."),
    Word(
        "There is no trustpoint",
        "No `crypto pki trustpoint` has this name; the line that makes it follows.",
        next="show crypto pki trustpoints",
    ),
    Word(
        "Imported PKCS12 file successfully",
        "Key, certificate and authority came in one file.",
        also=("CRYPTO_PKI", "Imported PKCS", "file successfully"),
    ),
    Word(
        "Enter the base 64 encoded CA certificate",
        "The authority's certificate is to be pasted.",
        also=("Enter the base", "encoded CA certificate"),
    ),
    Word(
        "Enter the base 64 encoded pkcs12",
        "The file with key and certificates is to be pasted.",
        also=("encoded pkcs", "pkcs"),
    ),
    Word(
        "Enter the base 64 encoded revocation list",
        "The list of revoked certificates is to be pasted.",
        also=("encoded revocation list",),
    ),
    Word(
        "Error in receiving Certificate Authority certificate",
        "The pasted text is no certificate of an authority.",
        also=("it is no authority's",),
    ),
    Word(
        "This revocation list is of none of the authorities of trustpoint",
        "Another authority signed it, so it is not valid here.",
    ),
    Word(
        "has no certificate of an authority",
        "The trustpoint has nothing to check a list by.",
        also=("the list could not be checked",),
    ),
    Word("Do you really want to remove it", "The trustpoint goes with its certificates and key.", also=("yes/no",)),
    next=_CERTIFICATES,
)

GROUPS: Final = (_KEYS, _CERTIFICATE, _TRUSTPOINT, _IMPORT)
