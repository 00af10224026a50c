import pytest
from grading.masking import mask_secrets
from hypothesis import given
from hypothesis import strategies as st

SECRET = "s3cretOfNobody"


@pytest.mark.parametrize(
    "text",
    [
        f"python optimize.py postgresql://agent:{SECRET}@localhost:5432/agent_system",
        f"http://user:{SECRET}@localhost:8000",
        f"env PGPASSWORD={SECRET} python optimize.py",
        f"LLM_API_KEY={SECRET}",
        f'{{"db_password": "{SECRET}", "a": 1}}',
        f"access token: {SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = mask_secrets(text)
    assert SECRET not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "docker compose run --rm optimizer",
        "http://localhost:8000/metrics/",
        "postgresql://agent@localhost:5432/agent_system",
        "ModuleNotFoundError: No module named services.common",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert mask_secrets(text) == text


@given(st.from_regex(r"\A[A-Za-z0-9!#$%^&*]{8,20}\Z"))
def test_no_password_of_a_url_is_left(password: str) -> None:
    assert (
        mask_secrets(f"postgresql://agent:{password}@host/db") == "postgresql://agent:***@host/db"
    )
