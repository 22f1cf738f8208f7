"""Who signed a request: AWS's Signature Version 4, computed again by botocore's own signer and compared.

The request is verified as it arrived: the path and the query as they were on the wire, and each header with the one
value that the operation will read.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import botocore.credentials
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.utils import normalize_url_path

from consumers.api.access import Credentials, Identity, Principal, Role
from consumers.api.errors import BadSignature, IncompleteSignature, NotSigned, UnknownClient

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "sagemaker"
"""The service that clients sign for, of SageMaker and of its metrics alike."""

_TERMINATOR = "aws4_request"
_SKEW = timedelta(minutes=15)
_REGION = re.compile(r"[a-z0-9-]{1,64}")
# Bounded, so that a long header costs no more than its length.
_SCOPE = re.compile(r"Credential=[^/,\s]{1,128}/[0-9]{8}/([^/,\s]{1,64})/")
_PARAMETERS = ("Credential", "Signature", "SignedHeaders")
_MEANINGFUL = ("x-amz-date", "x-amz-target")
_ISO = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PRESIGNED = re.compile(r"(^|&)x-amz-(algorithm|credential|signature)=", re.IGNORECASE)


def region_of(headers: Mapping[str, str]) -> str | None:
    """The region that a request says it was signed for, without verifying it; None if it says none."""
    match = _SCOPE.search(headers.get("authorization", ""))
    return match[1] if match and _REGION.fullmatch(match[1]) else None


class Verifier:
    """Verifies signatures."""

    def __init__(self, credentials: Credentials, account: str) -> None:
        """Verify against these access keys.

        Args:
            credentials: The identities that may call the API.
            account: The twelve digits of the account of identities that name none.
        """
        self._identities = credentials.identities
        self._account = account
        # An unknown access key takes as long to refuse as a wrong secret.
        self._nobody = Identity("", "", secrets.token_hex(), Role.READ)

    def verify(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Principal:
        """The caller that signed this. The same request is accepted again within 15 minutes, as AWS does.

        Args:
            method: `POST` or another.
            path: As it was sent, not decoded.
            query: As it was sent, without the question mark.
            headers: By names in lower case, each with the one value that will be read; decoded as Latin-1.
            body: The whole body.
            now: The time, with its zone.

        Raises:
            NotSigned: The Authorization header is missing.
            IncompleteSignature: The signature does not have the form that AWS defines.
            UnknownClient: No identity has the access key, or it needs a session.
            BadSignature: Something else was signed, at another time, for another service or with another secret.
        """
        if _PRESIGNED.search(query):
            raise NotSigned("Headwater does not accept presigned URLs: sign in the Authorization header.")
        if "authorization" not in headers:
            raise NotSigned("Missing Authentication Token")
        claim = _claim(headers["authorization"])
        if "x-amz-security-token" in headers:
            raise UnknownClient(
                "The security token included in the request is invalid: Headwater's access keys have no session "
                "tokens. Sign with a long-lived key from the server's credentials file."
            )
        signed = _signed(headers, claim)
        when = _when(signed)
        _check_scope(claim, _iso(when))
        _check_time(when, now)
        if headers.get("x-amz-content-sha256", digest := sha256(body).hexdigest()) != digest:
            raise BadSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")

        identity = self._identities.get(claim.access_key_id)
        expected = _signature(
            identity or self._nobody, claim, _iso(when), AWSRequest(method, _url(path, query), signed, body)
        )
        same = hmac.compare_digest(expected.encode(), claim.signature.encode())
        if identity is None:
            raise UnknownClient("The security token included in the request is invalid.")
        if not same:
            raise BadSignature(_MISMATCH)
        account = identity.account or self._account
        return Principal(identity.name, identity.access_key_id, identity.role, claim.region, account)


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class _Claim:
    """The parts of an Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed: tuple[str, ...]
    signature: str


def _claim(authorization: str) -> _Claim:
    # Errors do not quote the header: it may hold a secret that was meant for another server.
    scheme, _, rest = authorization.partition(" ")
    if scheme != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm' in the Authorization header: sign with {ALGORITHM}.")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    parameters = {name: value for name, _, value in pairs}
    if lacking := [name for name in _PARAMETERS if not parameters.get(name)]:
        raise IncompleteSignature(" ".join(f"Authorization header requires '{name}' parameter." for name in lacking))
    if len(pairs) != len(_PARAMETERS):
        raise IncompleteSignature(f"Authorization header has other parameters than one of {', '.join(_PARAMETERS)}.")
    credential = parameters["Credential"].split("/")
    if len(credential) != 5:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    signed = parameters["SignedHeaders"].split(";")
    if signed != sorted(set(signed)):
        raise IncompleteSignature("SignedHeaders must be sorted, and name each header once.")
    access_key_id, date, region, service, terminator = credential
    return _Claim(access_key_id, date, region, service, terminator, tuple(signed), parameters["Signature"])


def _signed(headers: Mapping[str, str], claim: _Claim) -> dict[str, str]:
    """The signed headers: among them all that say which operation, on which host, and when."""
    for name in claim.signed:
        if name not in headers:
            raise IncompleteSignature(
                f"'{name}' is named as a SignedHeader, but it does not exist in the HTTP request."
            )
    if "host" not in claim.signed:
        raise BadSignature("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name in headers:
        if (name in _MEANINGFUL or name.startswith("x-headwater-")) and name not in claim.signed:
            raise BadSignature(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    return {name: headers[name] for name in claim.signed}


def _when(signed: Mapping[str, str]) -> datetime:
    """The time of signing, in AWS's format or in HTTP's."""
    text = signed.get("x-amz-date", signed.get("date"))
    if text is None:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header, "
            "which must be a 'SignedHeader'."
        )
    try:
        if _ISO.fullmatch(text):
            return datetime.strptime(text, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        return parsedate_to_datetime(text).replace(tzinfo=UTC)  # HTTP's are in GMT, however they say so
    except ValueError:
        raise IncompleteSignature(
            "Date must be in ISO-8601 'basic format', as 20260101T000000Z. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


def _check_scope(claim: _Claim, timestamp: str) -> None:
    if claim.terminator != _TERMINATOR:
        raise BadSignature(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'.")
    if claim.service != SERVICE:
        raise BadSignature(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if not _REGION.fullmatch(claim.region):
        raise BadSignature("Credential should be scoped to a valid region.")
    if claim.date != timestamp[:8]:
        raise BadSignature(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )


def _check_time(when: datetime, now: datetime) -> None:
    if when < now - _SKEW:
        raise BadSignature(
            f"Signature expired: {_iso(when)} is now earlier than {_iso(now - _SKEW)} ({_iso(now)} - 15 min.)"
        )
    if when > now + _SKEW:
        raise BadSignature(
            f"Signature not yet current: {_iso(when)} is still later than {_iso(now + _SKEW)} ({_iso(now)} + 15 min.)"
        )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)


def _url(path: str, query: str) -> str:
    """A URL from which botocore takes exactly this path and query; the host is signed as a header.

    Other forms of the path have the same signature, but mean another path.
    """
    url = f"http://host{path}?{query}"
    if not path.startswith("/") or path != normalize_url_path(path) or urlsplit(url)[2:] != (path, query, ""):
        raise BadSignature(_MISMATCH)
    return url


class _Signer(SigV4Auth):  # type: ignore[misc]  # botocore carries no types
    """botocore's signer, for headers that the client chose: some clients sign headers that botocore leaves out."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        return request.headers


def _signature(identity: Identity, claim: _Claim, timestamp: str, request: AWSRequest) -> str:
    credentials = botocore.credentials.Credentials(identity.access_key_id, identity.secret)
    signer = _Signer(credentials, claim.service, claim.region)
    request.context["timestamp"] = timestamp
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))
