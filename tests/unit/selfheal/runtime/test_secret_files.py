from pathlib import Path

from selfheal.runtime.secret_files import read_or_create_secret, read_secret


def test_a_secret_is_generated_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert read_secret(path) is None
    secret = read_or_create_secret(path)
    assert read_or_create_secret(path) == read_secret(path) == secret
    assert len(secret) >= 40
    assert secret.replace("-", "").replace("_", "").isalnum()
