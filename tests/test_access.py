"""Who may call the API: the file of access keys, and what a role allows."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from consumers.api.access import BadCredentials, Credentials, Identity, Principal, Role, check_permission, is_exposed
from consumers.api.errors import Denied

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfi;CY%(x)s#="

TWO = f"""
# who may ask
[ann]
aws_access_key_id = AKIAANN
aws_secret_access_key = {SECRET}
role = write
account = 111122223333

[ci-reader]
aws_access_key_id=AKIACI
aws_secret_access_key=0123456789abcdef
role=read
"""


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    file = path / "credentials"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return file


def test_each_section_is_an_identity_with_a_role(tmp_path: Path) -> None:
    assert Credentials.read(written(tmp_path, TWO)).identities == {
        "AKIAANN": Identity("ann", "AKIAANN", SECRET, Role.WRITE, "111122223333"),
        "AKIACI": Identity("ci-reader", "AKIACI", "0123456789abcdef", Role.READ),
    }


def test_a_client_can_use_the_same_file_as_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(written(tmp_path, TWO)))
    theirs = boto3.Session(profile_name="ann").get_credentials()
    assert theirs is not None
    assert (theirs.access_key, theirs.secret_key, theirs.token) == ("AKIAANN", SECRET, None)


def test_an_editor_may_leave_its_mark_at_the_beginning(tmp_path: Path) -> None:
    file = written(tmp_path, TWO.strip().encode("utf-8-sig"))
    assert list(Credentials.read(file).identities) == ["AKIAANN", "AKIACI"]


def test_default_is_a_name_like_any_other(tmp_path: Path) -> None:
    text = TWO.replace("[ann]", "[DEFAULT]")
    assert {one.name for one in Credentials.read(written(tmp_path, text)).identities.values()} == {
        "DEFAULT",
        "ci-reader",
    }


ANN = "[ann]\naws_access_key_id = AKIAANN\n"
KEY = f"aws_secret_access_key = {SECRET}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no access key: add a section"),
        (ANN + KEY, "[ann] has no role: add it"),
        (ANN + "role = read", "[ann] has no aws_secret_access_key: add it"),
        (ANN + "aws_secret_access_key =\nrole = read", "[ann] has no aws_secret_access_key: add it"),
        ("[ann]\nrole = read\n" + KEY, "[ann] has no aws_access_key_id: add it"),
        (ANN + KEY + "role = root", "[ann] has an unknown role: say read or write"),
        (ANN + KEY + "role = read\naccount = 1111", "[ann] has an invalid account: use its twelve digits"),
        (ANN + KEY + "role = read\naccount =", "[ann] has an invalid account: use its twelve digits"),
        (ANN + KEY + "role = Read", "[ann] has an unknown role: say read or write"),
        (
            ANN + KEY + "role = admin",
            "[ann] has the role admin, which allowed no more than write and is gone: say role = write",
        ),
        (ANN + KEY + "role = read\naws_session_token = x", "[ann] says aws_session_token: say aws_access_key_id, aws_"),
        (
            ANN + "aws_secret_access_key = wJalrXUtn\nrole = read",
            "has an invalid aws_secret_access_key: use 16 or more",
        ),
        (ANN + "aws_secret_access_key = wJalrXUtn\n  wJalrXUtn\nrole = read", "has an invalid aws_secret_access_key"),
        (ANN + "aws_secret_access_key = wJalrXUtnFEMIK7MDENGä\nrole = read", "has an invalid aws_secret_access_key"),
        ("[ann]\naws_access_key_id = AKIA/N\nrole = read\n" + KEY, "has an invalid aws_access_key_id: use up to 128"),
        ("[ann b]\naws_access_key_id = AKIAN\nrole = read\n" + KEY, "[ann b] is not a valid name: use up to 64"),
        (TWO.replace("AKIACI", "AKIAANN"), "[ann] and [ci-reader] have the same aws_access_key_id: give each its own"),
        (TWO.replace("ci-reader", "ann"), "[ann] appears twice: give each identity a name of its own"),
        (ANN + KEY + KEY + "role = read", "[ann] says aws_secret_access_key twice: say it once"),
        (KEY + ANN, "line 1 is in no section: begin with a name, as [ann]"),
        (ANN + f"aws_secret_access_key {SECRET[:-1]}\n", "line 3 is neither [name] nor option = value: correct it"),
        ((ANN + KEY).encode() + b"role = \xff", "is not UTF-8: save it as plain text"),
    ],
)
def test_a_bad_file_is_refused_with_what_to_do_and_without_secrets(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadCredentials) as refused:
        Credentials.read(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "wJalr" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match=r"nothing: cannot be read: No such file or directory$"):
        Credentials.read(tmp_path / "nothing")


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o602, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, TWO, mode)
    with pytest.raises(BadCredentials) as refused:
        Credentials.read(file)
    assert str(refused.value) == f"{file}: others can read or change these secrets: chmod 600 {file}"


def test_a_group_may_read_only_what_belongs_to_root_and_is_read_by_somebody_else() -> None:
    root, other = 0, 1000
    assert not is_exposed(0o100440, root, other)
    assert is_exposed(0o100460, root, other)
    assert is_exposed(0o100444, root, other)
    assert is_exposed(0o100440, root, root)
    assert is_exposed(0o100440, other, other)
    assert is_exposed(0o100440, other, root)
    assert not is_exposed(0o100400, other, other)


def test_no_repr_and_no_log_has_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    credentials = Credentials.read(written(tmp_path, TWO))
    for holder in (credentials, *credentials.identities.values()):
        assert "wJalr" not in f"{holder} {holder!r}"
    assert "wJalr" not in caplog.text


def principal(role: Role, region: str = "eu-central-1") -> Principal:
    return Principal("ann", "AKIAANN", role, region, "123456789012")


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_arn_of_a_caller_is_in_the_partition_of_its_region(region: str, partition: str) -> None:
    assert principal(Role.READ, region).arn == f"arn:{partition}:iam::123456789012:user/ann"


@pytest.mark.parametrize("role", Role)
def test_every_role_may_read(role: Role) -> None:
    check_permission(principal(role), "DescribeArtifact", writes=False)


def test_a_writer_may_write() -> None:
    check_permission(principal(Role.WRITE), "CreateArtifact", writes=True)


def test_a_reader_may_not_write_and_the_error_names_it_and_the_role_it_takes() -> None:
    with pytest.raises(Denied) as refused:
        check_permission(principal(Role.READ), "CreateArtifact", writes=True)
    assert str(refused.value) == (
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: sagemaker:CreateArtifact on "
        "resource: * because its role is read, and CreateArtifact takes the role write"
    )
