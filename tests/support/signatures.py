"""A client with a key, what it sends, and the signature that belongs to that."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from consumers.api.access import Credentials, Identity, Principal, Role
from consumers.api.signature import Verifier

ACCOUNT = "123456789012"
NOW = datetime(2026, 1, 1, 0, 20, tzinfo=UTC)
KEY, SECRET = "AKIAANN", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
VERIFIER = Verifier(Credentials({KEY: Identity("ann", KEY, SECRET, Role.WRITE)}), ACCOUNT)
ANN = Principal("ann", KEY, Role.WRITE, "eu-central-1", ACCOUNT)


@dataclass(frozen=True)
class Sent:
    """A request as it arrives."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "host": "headwater.internal:8080",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-date": "20260101T002000Z",
            "x-amz-target": "SageMaker.CreateArtifact",
        }
    )
    body: bytes = b'{"ArtifactType": "DataSet", "Source": {"SourceUri": "s3://bucket/a"}}'

    def having(self, **headers: str | None) -> Sent:
        """With headers changed, or without those that are None."""
        changed = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={name: value for name, value in changed.items() if value is not None})


def signed(
    sent: Sent,
    *,
    key: str = KEY,
    secret: str = SECRET,
    scope: str = "20260101/eu-central-1/sagemaker/aws4_request",
    timestamp: str = "20260101T002000Z",
    names: list[str] | None = None,
) -> Sent:
    """What a client sends: made as AWS's manual describes, without botocore."""

    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), sha256).digest()

    names = sorted(sent.headers if names is None else names)
    canonical = "\n".join(
        [
            sent.method,
            sent.path,
            "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in sent.query.split("&") if pair)),
            *(f"{name}:{' '.join(sent.headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            sha256(sent.body).hexdigest(),
        ]
    )
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = mac(signing, part)
    return sent.having(
        authorization=f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={mac(signing, text).hex()}"
    )
