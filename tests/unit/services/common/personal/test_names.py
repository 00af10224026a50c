import hashlib
import hmac

from pydantic import SecretStr

from services.common.personal.names import hash_name, list_stored_names

KEY = SecretStr("key")


def test_a_name_is_hashed_with_the_key() -> None:
    assert hash_name("ann", KEY) == hmac.new(b"key", b"ann", hashlib.sha256).hexdigest()
    assert hash_name("ann", KEY) != hash_name("ann", SecretStr("another"))


def test_without_a_key_a_name_is_hashed_as_before_there_was_one() -> None:
    for none in (None, SecretStr("")):
        assert hash_name("ann", none) == hashlib.sha256(b"ann").hexdigest()


def test_a_name_that_is_no_text_is_hashed_all_the_same() -> None:
    assert len(hash_name("\ud800", KEY)) == 64


def test_whoever_is_looked_for_is_looked_for_in_every_form() -> None:
    plain = hashlib.sha256(b"ann").hexdigest()
    assert list_stored_names("ann", KEY) == [hash_name("ann", KEY), plain, "ann"]
    assert list_stored_names("ann", None) == [plain, "ann"]
