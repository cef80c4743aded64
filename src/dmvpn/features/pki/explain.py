"""What certificates make the router say, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.pki import messages

# --------------------------------------------------------------------------------------------- answers and log messages


_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of certificates :: the prompt next: show crypto pki certificates
    % End with a blank line or "quit" on a line by itself. :: Paste the PEM text; then an empty line, or `quit`.
    % Enter PEM-formatted General Purpose certificate. :: Now this router's own certificate is to be pasted.
    % Enter PEM-formatted encrypted private General Purpose key. :: Now this router's own key is to be pasted; it is
        kept outside of the configuration.
    % Enter PEM-formatted CA certificate. :: Now the certificate of the authority is to be pasted.
    % PEM files import succeeded. :: Certificate, key and authority are there and fit together.
        next: show crypto pki trustpoints status
    % Do you accept this certificate? [yes/no]: :: Compare the fingerprint with what the authority says, by another way
        than this one, before `yes`. [RFC 5280 §6.1]
    % The private key of trustpoint <name> will be removed; its certificate is useless then. :: Without its key the
        certificate is useless; both have to be made again.
    % Warning: <name>: a certificate for <use>, not for IKE: peers refuse it :: Its extended key usage leaves out IKE.
        Have one made with ipsecIKE, or without any; or say `extended-key-usage ignore` in the trustpoint of every peer.
        [RFC 4945 §5.1.3.12]
    % Warning: <name>: <reason>: no peer is accepted with it :: Its key is too short, or costs too much to check with,
        or it has name constraints, which are not processed. [RFC 8247 §4.1]
    % Warning: this revocation list is current only from <moment> :: The list begins in the future, by more than five
        minutes: the clock of this router is slow, or that of the authority is fast. What it revokes is revoked; with
        `revocation-check crl` no other certificate is accepted yet. [RFC 5280 §5.1.2.4]
        next: show clock
    % Revocation list imported. :: From now on certificates on the list are refused. next: show crypto pki crls
    % Generating <bits> bit <kind> keys, keys will be non-exportable... :: A pair of keys is made, and kept outside of
        the configuration for its owner alone. SSH does not wait for it: the program that serves it has host keys of its
        own.
        next: show crypto key mypubkey all
    % You already have <kind> keys defined named <name>. :: With `yes` a new pair takes the place of the one of this
        name.
        next: show crypto key mypubkey all
    % Do you really want to replace them? [yes/no]: :: The pair that there was cannot be had back.
    % Error: a modulus has <least> to <most> bits :: No pair was made: type a number of this range.
    % There are <most> pairs of keys; crypto key zeroize removes one :: No pair was made.
    % Key pair was generated at: <when> :: The pair is as old as that. next: show clock
    % No <kind> keys of this name; show crypto key mypubkey all lists the keys :: Nothing was removed.
    % All keys of this kind will be removed. :: With `yes`; a name behind the kind removes one pair.
    % Keys to be removed are named '<name>'. :: With `yes`, this pair.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of certificates :: show logging next: show logging
    %PKI-4-CERTIFICATE_EXPIRY_WARN :: In the last weeks, and each day of the last one. [RFC 5280 §4.1.2.5]
        next: show crypto pki certificates
    %PKI-3-CERTIFICATE_EXPIRED :: At its end, and at a start after it. [RFC 5280 §4.1.2.5]
        next: show crypto pki certificates
    %PKI-3-CERTIFICATE_NOT_YET_VALID :: At a start with a wrong clock. [RFC 5280 §4.1.2.5] next: show clock
    %PKI-4-CRL_STALE :: When the list's next update is over. [RFC 5280 §5.1.2.5] next: show crypto pki crls
    %PKI-4-NO_CRL :: When the configuration is read. [RFC 5280 §6.3] next: show crypto pki crls
    %PKI-3-NO_KEY :: When the configuration is read. next: show crypto pki trustpoints status
    %PKI-3-UNREADABLE :: When the configuration, or the stored certificates, are read.
        next: show crypto pki certificates
    %PKI-3-NOT_KEPT :: At an import, when the disk is full or read-only.
    """)


# ------------------------------------------------------------------------------------------------ shows


_KEYS = words(WordKind.LABEL)("""
    ## labels of pairs of keys :: show crypto key mypubkey next: show crypto key mypubkey
    The name for the keys will be | OK | RSA keys | EC keys | bits :: Under this name they are shown and removed.
    Key name :: The router's, unless `label` said otherwise.
    Key type | RSA KEYS | EC KEYS | KEYS | keys :: RSA, or elliptic curves.
    Storage Device | not specified :: Beside the configuration, with what else the router remembers.
    Usage | General Purpose Key :: For everything.
    Key is not exportable :: No command shows the private half.
    Key Data :: The public half, in DER. [RFC 5280 §4.1.2.7]
    """)
_LABELS = words(WordKind.LABEL, sighted=True)("""
    ## labels of a certificate :: show crypto pki certificates next: show crypto pki certificates
    CA Certificate :: The certificate of the authority, by which other certificates are verified.
    Router Self-Signed Certificate | Certificate :: A certificate that the router made for itself.
    Available :: The certificate is there and can be used.
    Certificate Serial Number | hex :: The number that its authority gave it; revocation lists name it.
        [RFC 5280 §4.1.2.2]
    Certificate Usage | General Purpose | Signature :: What the key may be used for. [RFC 5280 §4.2.1.3]
    Issuer :: Who signed the certificate. [RFC 5280 §4.1.2.4]
    Subject | Name | Subject Name :: Whose certificate it is. [RFC 5280 §4.1.2.6]
    Validity Date | start date | end date | date | end :: From when until when it is good; the clock has to be right.
        [RFC 5280 §4.1.2.5]
        next: show clock
    Subject Key Info | Public Key Algorithm | Public Key | EC Public Key | RSA Public Key | rsaEncryption | ecPublicKey
        | EC | RSA :: The public key and its algorithm. [RFC 5280 §4.1.2.7]
    Signature Algorithm | with RSA Encryption | with ECDSA | ECDSA | RSA Encryption :: How the authority signed.
        [RFC 5280 §4.1.1.2]
    Fingerprint | Fingerprint MD5 | Fingerprint SHA1 | Fingerprint SHA256 :: A digest of the whole certificate, to
        compare with what the authority says.
    X509v3 extensions | extensions | X509v3 :: What the certificate says besides. [RFC 5280 §4.2]
    X509v3 Key Usage | Key Usage | Digital Signature | Non Repudiation | Key Encipherment | Data Encipherment | Key
        Agreement | Key Cert Sign | CRL Signature :: What the key may do, as bits and in words. [RFC 5280 §4.2.1.3]
    X509v3 Subject Key ID | Subject Key ID :: A digest of the key, by which others name it. [RFC 5280 §4.2.1.2]
    X509v3 Authority Key ID | Authority Key ID :: The digest of the authority's key. [RFC 5280 §4.2.1.1]
    X509v3 Basic Constraints | Basic Constraints | CA | TRUE | FALSE :: Whether it may sign other certificates (CA:
        TRUE). [RFC 5280 §4.2.1.9]
    X509v3 Subject Alternative Name | Subject Alternative Name :: Further names and addresses of its owner; IKE compares
        identities with them. [RFC 5280 §4.2.1.6]
    CRL Distribution Points :: Where the list of revoked certificates can be had. [RFC 5280 §4.2.1.13]
    Associated Trustpoints | Trustpoint :: The `crypto pki trustpoint` lines that use it.
        next: show crypto pki trustpoints
    Storage | nvram | cer :: Under which name it is kept.

    ## labels of a trustpoint and of revocation lists :: show crypto pki trustpoints, show crypto pki crls
        next: show crypto pki trustpoints status
    Serial Number :: The number of the authority's certificate.
    Certificate configured :: The authority's certificate was pasted or imported.
    Issuing CA certificate configured | Issuing CA authenticated | Not authenticated :: The certificate of the authority
        is there.
    Router General Purpose certificate configured :: This router's own certificate is there.
    Last enrollment status | Granted :: How the last import of a certificate ended.
    Keys generated | non-exportable :: Whether the key is there; it cannot be read out again.
    Certificate request(s) | Certificate request :: Whether there is a certificate for the key.
    CRL Issuer Name :: Whose list of revoked certificates it is. [RFC 5280 §5.1.2.3] next: show crypto pki crls
    LastUpdate :: When the list was made. [RFC 5280 §5.1.2.4]
    NextUpdate :: When the list is out of date. [RFC 5280 §5.1.2.5]
    CRL downloaded :: When the router fetched the list: never, lists are imported.
    Retrieved from CRL Distribution Point | CDP Not Published | Imported :: From where it was fetched.
    Revoked certificates :: How many certificates the list takes back. [RFC 5280 §5.1.2.6]
    CRL DER | CRL is stored in parsed CRL cache :: The size of the list.
    Parsed CRL cache current size | Parsed CRL cache maximum size :: How much room all lists take.
    """)
_IMPORT = words(WordKind.LABEL)("""
    ## what an import says :: crypto pki import, crypto pki authenticate next: show crypto pki certificates
    Trustpoint CA certificate accepted :: The authority is believed from now on.
    Certificate successfully imported :: The router can prove itself with it from now on.
    Certificate has the following attributes :: Compare its fingerprint before it is accepted.
    Certificate was not accepted :: The answer was not yes; nothing was kept.
    There is no trustpoint :: No `crypto pki trustpoint` has this name; the line that makes it follows.
        next: show crypto pki trustpoints
    Imported PKCS12 file successfully | CRYPTO_PKI | Imported PKCS | file successfully :: Key, certificate and authority
        came in one file.
    Enter the base 64 encoded CA certificate | Enter the base | encoded CA certificate :: The authority's certificate is
        to be pasted.
    Enter the base 64 encoded pkcs12 | encoded pkcs | pkcs :: The file with key and certificates is to be pasted.
    Enter the base 64 encoded revocation list | encoded revocation list :: The list of revoked certificates is to be
        pasted.
    Error in receiving Certificate Authority certificate | it is no authority's :: The pasted text is no certificate of
        an authority.
    This revocation list is of none of the authorities of trustpoint :: Another authority signed it, so it is not valid
        here.
    has no certificate of an authority | the list could not be checked :: The trustpoint has nothing to check a list by.
    Do you really want to remove it | yes/no :: The trustpoint goes with its certificates and key.
    """)


GROUPS: Final = groups(vars())
