import pytest

from services.common.config import Settings
from services.manager.app.access.oidc import provider


def test_certificates_that_cannot_be_read_keep_no_manager_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    provider._open_trust.cache_clear()
    settings = Settings(
        _env_file=None, oidc_issuer="https://id.example", public_url="https://heal.example"
    )
    assert provider.Provider(settings)
