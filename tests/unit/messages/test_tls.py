"""Files of an institution's certificates, and contexts that know nobody else's."""

import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from node.messages import tls
from node.messages.errors import CertificateFileError

LEI = "9999DEV02PLDRBANK004"


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """Let two contexts speak in memory; return the version, or raise what either side says."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname=tls.server_name(LEI))
    answering = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (asking, answering):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return answering.version()


def test_identity_is_made_once_and_read_again_when_opened_twice(tmp_path: Path) -> None:
    made = tls.open_identity(tmp_path, LEI)
    assert tls.open_identity(tmp_path, LEI) == made
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert len(made.certificates) == 1


def test_identity_names_both_certificates_when_one_is_to_follow(tmp_path: Path) -> None:
    first = tls.open_identity(tmp_path, LEI)
    (tmp_path / "tls-next.pem").write_bytes(tls.make_pair(LEI))
    both = tls.open_identity(tmp_path, LEI)
    assert both.certificates[0] == first.certificates[0]
    (tmp_path / "tls-next.pem").replace(tmp_path / "tls.pem")
    assert tls.open_identity(tmp_path, LEI).certificates == both.certificates[1:]


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]
)
def test_identity_is_refused_when_its_file_holds_no_certificate(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tls.pem").write_bytes(content)
    with pytest.raises(CertificateFileError, match=r"tls\.pem"):
        tls.open_identity(tmp_path, LEI)


def test_context_is_refused_when_the_private_key_is_missing(tmp_path: Path) -> None:
    pair = tls.make_pair(LEI)
    (tmp_path / "tls.pem").write_bytes(pair[pair.index(b"-----BEGIN CERTIFICATE") :])
    with pytest.raises(CertificateFileError, match="private key"):
        tls.server_context(tls.open_identity(tmp_path, LEI), ())


def test_both_sides_agree_on_tls_1_3_when_each_has_pinned_the_other(tmp_path: Path) -> None:
    bank, peer = (tls.open_identity(_folder(tmp_path, name), LEI) for name in ("bank", "peer"))
    client = tls.client_context(peer, bank.certificates)
    assert handshake(client, tls.server_context(bank, peer.certificates)) == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        handshake(client, tls.server_context(bank, bank.certificates))
    with pytest.raises(ssl.SSLError):
        handshake(tls.client_context(peer, peer.certificates), tls.server_context(bank, peer.certificates))


def test_others_are_trusted_when_one_pinned_certificate_cannot_be_used(tmp_path: Path) -> None:
    bank, peer = (tls.open_identity(_folder(tmp_path, name), LEI) for name in ("bank", "peer"))
    server = tls.server_context(bank, (b"odd", *peer.certificates))
    assert handshake(tls.client_context(peer, bank.certificates), server) == "TLSv1.3"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_certificate_counts_when_a_bank_made_it_as_the_decision_says(tmp_path: Path) -> None:
    decision = (Path(__file__).parents[3] / "docs" / "adr" / "0011-pinned-certificates.md").read_text("utf-8")
    commands = [line.strip() for line in decision.splitlines() if line.startswith("    ")]
    assert commands[0].startswith("openssl req")
    folder = _folder(tmp_path, "bank")
    for command in commands:
        subprocess.run(command, shell=True, check=True, cwd=folder, capture_output=True)  # noqa: S602 - as documented
    peer = tls.open_identity(_folder(tmp_path, "peer"), LEI)
    bank = tls.open_identity(folder, LEI)
    assert (
        handshake(tls.client_context(peer, bank.certificates), tls.server_context(bank, peer.certificates)) == "TLSv1.3"
    )


def _folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name
