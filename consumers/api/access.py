"""Who may call the API, and what they may do: names, access keys and roles, from a file like `~/.aws/credentials`.

    [ann]
    aws_access_key_id = AKIAHEADWATERANN0001
    aws_secret_access_key = ...
    role = write
    account = 111122223333

A section is an identity; what it creates carries its name. Without an account it is of the one that is served by
default. Clients may use their section of the file as their own `~/.aws/credentials`: they ignore role and account.
"""

from __future__ import annotations

import configparser
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from consumers.api.errors import Denied
from consumers.arns import aws_partition
from ingest.os_errors import reason


class Role(StrEnum):
    """What an identity may do; each role allows what those before it allow."""

    READ = "read"
    """Describe, List, Search, Query, Get."""
    WRITE = "write"
    """Create, Update, Delete, Add, Put as well."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One section of the file of access keys.

    Attributes:
        name: The section's.
        access_key_id: Names the identity in a signature.
        secret: What it signs with; in no message, log or repr.
        role: What it may do.
        account: The twelve digits of its account; empty for the one that is served by default.
    """

    name: str
    access_key_id: str
    secret: str = field(repr=False)
    role: Role
    account: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request: an identity whose signature was verified.

    Attributes:
        name: The identity's.
        access_key_id: The one it signed with.
        role: What it may do.
        region: From the credential scope.
        account: The twelve digits of its account.
    """

    name: str
    access_key_id: str
    role: Role
    region: str
    account: str

    @property
    def arn(self) -> str:
        """Its ARN, in the form that AWS gives to IAM users: in the partition of the region that it signed for."""
        return f"arn:{aws_partition(self.region)}:iam::{self.account}:user/{self.name}"


def check_permission(principal: Principal, operation: str, *, writes: bool) -> None:
    """Check that a role allows an operation.

    Args:
        principal: The caller.
        operation: By SageMaker's name.
        writes: True if the operation changes anything.

    Raises:
        Denied: The role does not allow it.
    """
    if writes and principal.role is Role.READ:
        raise Denied(
            f"User: {principal.arn} is not authorized to perform: sagemaker:{operation} on resource: * "
            f"because its role is {principal.role}, and {operation} takes the role {Role.WRITE}"
        )


class BadCredentials(Exception):
    """The file of access keys cannot be used; the message says why, and what to do."""


NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")  # IAM's, for users
_ACCESS_KEY = re.compile(r"[A-Za-z0-9_]{1,128}")
_SECRET = re.compile(r"[!-~]{16,}")  # shorter ones can be guessed from a signature
_FORMER_ADMIN = "admin"
_ACCOUNT = re.compile(r"[0-9]{12}")
_OPTIONS = ("aws_access_key_id", "aws_secret_access_key", "role")
_ALL_OPTIONS = (*_OPTIONS, "account")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The identities that may call the API.

    Attributes:
        identities: By access key.
    """

    identities: Mapping[str, Identity]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The identities in a file that only its owner can read.

        Raises:
            BadCredentials: It cannot be read, others can read it, or it does not have the form above.
        """
        sections = _sections(path)
        identities: dict[str, Identity] = {}
        for name in sections.sections():
            identity = _identity(path, name, sections[name])
            first = identities.setdefault(identity.access_key_id, identity)
            if first is not identity:
                raise BadCredentials(
                    f"{path}: [{first.name}] and [{name}] have the same aws_access_key_id: give each its own"
                )
        if not identities:
            raise BadCredentials(f"{path}: it has no access key: add a section with {', '.join(_OPTIONS)}")
        return cls(identities)


def is_exposed(mode: int, owner: int, reader: int) -> bool:
    """True if a file of secrets is open to more than its owner; PostgreSQL's rule for private keys.

    A group may read a file of root's, since that is how a secret reaches a container that does not run as root.

    Args:
        mode: The mode of the file.
        owner: The user id of its owner.
        reader: The user id of this process.
    """
    allowed = stat.S_IRGRP if owner == 0 and reader != 0 else 0
    return bool(stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed)


def _sections(path: Path) -> configparser.ConfigParser:
    # A secret may hold a %, and [DEFAULT] is a section like the others.
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        with path.open(encoding="utf-8-sig") as file:
            status = os.fstat(file.fileno())
            if os.name == "posix" and is_exposed(status.st_mode, status.st_uid, os.geteuid()):
                raise BadCredentials(f"{path}: others can read or change these secrets: chmod 600 {path}")
            parser.read_file(file)
    # No error below is chained: those of configparser and of decoding quote the file.
    except OSError as why:
        raise BadCredentials(f"{path}: cannot be read: {reason(why)}") from None
    except UnicodeDecodeError:
        raise BadCredentials(f"{path}: is not UTF-8: save it as plain text") from None
    except configparser.DuplicateSectionError as why:
        raise BadCredentials(f"{path}: [{why.section}] appears twice: give each identity a name of its own") from None
    except configparser.DuplicateOptionError as why:
        raise BadCredentials(f"{path}: [{why.section}] says {why.option} twice: say it once") from None
    except configparser.MissingSectionHeaderError as why:
        raise BadCredentials(f"{path}: line {why.lineno} is in no section: begin with a name, as [ann]") from None
    except configparser.ParsingError as why:
        line = why.errors[0][0]
        raise BadCredentials(f"{path}: line {line} is neither [name] nor option = value: correct it") from None
    return parser


def _identity(path: Path, name: str, options: Mapping[str, str]) -> Identity:
    where = f"{path}: [{name}]"
    if not NAME.fullmatch(name):
        raise BadCredentials(f"{where} is not a valid name: use up to 64 letters, digits and _+=,.@-")
    for option in options:
        if option not in _ALL_OPTIONS:
            raise BadCredentials(f"{where} says {option}: say {', '.join(_ALL_OPTIONS)} and nothing else")
    for option in _OPTIONS:
        if not options.get(option):
            raise BadCredentials(f"{where} has no {option}: add it")
    access_key_id, secret, role = (options[option] for option in _OPTIONS)
    if not _ACCESS_KEY.fullmatch(access_key_id):
        raise BadCredentials(f"{where} has an invalid aws_access_key_id: use up to 128 letters, digits and _")
    if not _SECRET.fullmatch(secret):
        raise BadCredentials(
            f"{where} has an invalid aws_secret_access_key: use 16 or more characters of ASCII without spaces, "
            f"as `openssl rand -base64 30` makes them"
        )
    if role == _FORMER_ADMIN:
        raise BadCredentials(
            f"{where} has the role {role}, which allowed no more than {Role.WRITE} and is gone: say role = {Role.WRITE}"
        )
    if role not in list(Role):
        raise BadCredentials(f"{where} has an unknown role: say {' or '.join(Role)}")
    account = options.get("account")
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise BadCredentials(f"{where} has an invalid account: use its twelve digits")
    return Identity(name, access_key_id, secret, Role(role), account or "")
