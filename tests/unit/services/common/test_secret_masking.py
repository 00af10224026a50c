"""Masking secrets: what is found, what is left, and that it stays quick and complete."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.secret_masking import MASK, find_secrets, holds_secret, mask_secrets

KEY = "-----BEGIN RSA PRIVATE KEY-----"
END = "-----END RSA PRIVATE KEY-----"
LINE = "MIIEpAIBAAKCAQEA7bq2yU0v"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("use sk-proj-abc123DEF456 here", "use *** here"),
        ("sk-ant-api03-Zx9_abc-123", MASK),
        ("sk_live_4eC39HqLyjWDarjt", MASK),
        ("(ghp_16C7e42F292c6912E7710c838347Ae178B4a)", "(***)"),
        ("gho_16C7e42F292c6912E7710c838347Ae178B4a", MASK),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnop", MASK),
        ("sh_0123456789ab_Abcdefghij-klmnopqrstuvw_xyzabcdefghijkl012", MASK),
        ("glpat-abcdefghij1234567890", MASK),
        ("xoxb-123456789012-abcdefGHIJ", MASK),
        ("xoxa-2-123456789012", MASK),
        ("xoxp-123456789012-xyz", MASK),
        ("id AKIAIOSFODNN7EXAMPLE, region us", "id ***, region us"),
        ("ASIAIOSFODNN7EXAMPLE", MASK),
        ("AIzaSyA-1234567890abcdefghijklmnopqrstu", MASK),
        ("hf_abcdefGHIJKLmnop1234567890qrstuvwx", MASK),
        ("npm_abcdefghij1234567890ABCDEFGHIJ123456", MASK),
        ("pypi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4", MASK),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_DEF-123!", "***!"),
        ("Authorization: Bearer abc123def456ghi", "Authorization: Bearer ***"),
        ("basic dXNlcjpwYXNzMTIz", "basic ***"),
        ("postgres://app:s3cret@db:5432/x", "postgres://app:***@db:5432/x"),
        ("redis://:pw@cache/0", "redis://:***@cache/0"),
        (f"a\n{KEY}\n{LINE}\n{LINE}==\n{END}\nb", "a\n***\nb"),
        (f'key = "{KEY}\\n{LINE}\\n{END}"', 'key = "***"'),
        (f"{KEY}\n{LINE}\n{LINE}\nSort a list.", "***\nSort a list."),
        ("password=hunter2", "password=***"),
        ("PASSWORD = hunter2", "PASSWORD = ***"),
        ("export DB_PASSWORD=swordfish", "export DB_PASSWORD=***"),
        ("/login?password=swordfish&x=1", "/login?password=***&x=1"),
        ("my password is hunter2.", "my password is ***"),
        ("비밀번호는 qwer1234 입니다", "비밀번호는 *** 입니다"),
        ("비밀번호: qwer1234", "비밀번호: ***"),
        ('api_key: "abcd-efgh"', 'api_key: "***"'),
        ('{"token": "abc123"}', '{"token": "***"}'),
        ("secret = 'abcdef'", "secret = '***'"),
        ("token = abc123def456", "token = ***"),
        ("def f(password: str = 'letmein'): ...", "def f(password: str = '***'): ..."),
        ("os.environ['API_KEY'] = 'k3yvalue'", "os.environ['API_KEY'] = '***'"),
        ('if password == "x1y2z3":', 'if password == "***":'),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE7KEY1 is it", "*** is it"),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", MASK),
    ],
)
def test_a_secret_is_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked
    assert holds_secret(text)
    assert not holds_secret(masked)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Write a function that checks a password's strength.",
        "password: must be at least 8 characters",
        "login(user, password=password)",
        "password=getpass()",
        "token = items2",
        "token = next(tokens)",
        "token=self.token, next_token=line2.strip()",
        'if token == "while":',
        "for token in tokens: ...",
        "token: <your token>",
        "token=${TOKEN_1}",
        "https://{user}:{password}@host",
        "http://localhost:8080/a@b",
        "sk-learn-compatible-estimators",
        "a task-driven risk-averse disk-based design",
        "the bearer responsibilities of a bearer authentication",
        "Basic authentication, basic understanding",
        "#aabbcc and #ffeeddcc",
        "550e8400-e29b-41d4-a716-446655440000",
        "pneumonoultramicroscopicsilicovolcanoconiosis",
        "test_that_the_sha256_of_an_empty_string_is_right_2",
        "convertUtf8StringToBase64AndBackWithoutLoss",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "31415926535897932384626433832795028841971",
        "0000000000000000000000000000000000000000",
        "services/optimizer/app/services/v2/log_analyzer.py",
        "npm_config_registry and hf_transfer and ghp_",
        f'text.startswith("{KEY}") and "{END}" in text',
        "비밀번호의 길이를 검사하는 함수를 작성해 주세요",
        MASK,
        "password=***",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_secrets(text) == text
    assert find_secrets(text) == ()


def test_secrets_are_given_in_their_order() -> None:
    assert find_secrets("password=hunter2 then AKIAIOSFODNN7EXAMPLE") == (
        "hunter2",
        "AKIAIOSFODNN7EXAMPLE",
    )


PIECES = st.sampled_from(
    [
        *"sk- ghp_ AKIA xoxb- eyJ Bearer basic :// : @ password secret= token api_key".split(),
        *". - _ =".split(),
        *"\" ' ` / + \\n a1b2c3d4 ABCDEFGH12345678 QmFzZTY0IGlzIGZ1bg 9f86d081884c7d65".split(),
        *"hunter2 *** * is 비밀번호 는 { $ ( ) , -----END -----BEGIN".split(),
        *(" ", "\n", KEY, END, LINE),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join) | st.text())
def test_nothing_that_was_recognised_survives(text: str) -> None:
    masked = mask_secrets(text)
    assert not holds_secret(masked)
    assert mask_secrets(masked) == masked
    assert (masked == text) is not holds_secret(text)


@given(st.text(alphabet="ABCDEFGHIJabcdefghij0123456789", min_size=40, max_size=60), st.text())
def test_a_vendor_s_token_is_found_wherever_it_stands(token: str, around: str) -> None:
    secret = f"ghp_{token}1"
    assert secret not in mask_secrets(f"{around} {secret} {around}")


@pytest.mark.parametrize(
    "piece",
    [
        *"a eyJ sk- sk-a- password= password token: secret=' :// ://: ://a:b - = =-/+_".split(),
        *"Ab1- ghp_ xoxb- AKIA SG. * password=*** x. 비밀번호는 -----BEGIN".split(),
        *("bearer ", "token is ", "token = ", "token: str | None", f"{KEY}\n", "A "),
        *(f"{KEY}{LINE}\n ", " ", "+", "\\n"),
    ],
)
@pytest.mark.parametrize("before", ["", KEY, f"{KEY}{LINE}"])
def test_a_hostile_text_takes_no_longer_than_its_length(before: str, piece: str) -> None:
    text = (before + piece * 20_000)[:20_000]
    start = time.process_time()
    mask_secrets(text)
    assert time.process_time() - start < 1
