"""What calls cost: by the operator's table, by what is known, or unknown, which isn't nothing."""

from decimal import Decimal

from support.rows import for_each

from services.common.costs.prices import Prices
from services.common.metering.spending import Spending
from services.common.settings.costs import Price

OWN = {
    "openai:gpt-4.1-mini*": Price(input=Decimal(1), output=Decimal(2)),
    "openai:*": Price(input=Decimal(9), output=Decimal(9)),
    "vllm:llama-*": Price(input=Decimal("0.3"), output=Decimal("0.6")),
}
KILO = Spending(1, input_tokens=1_000, output_tokens=1_000)
CACHED = Spending(1, input_tokens=1_000, output_tokens=1_000, cached_tokens=1_000)
# A model, what was spent on it, and its cost by the bundled prices alone.
BUNDLED = [
    ("openai:gpt-4.1-mini", KILO, "0.0020"),
    ("openai:gpt-4.1-mini-2025-04-14", KILO, "0.0020"),
    ("openai:gpt-4.1-mini", CACHED, "0.0017"),
    ("openai:gpt-4.1-mini", Spending.of_call(10, 0, cached=99), "0.000001"),
    ("anthropic:claude-sonnet-4-20250514", KILO, "0.018"),
    ("google_genai:gemini-2.5-flash", KILO, "0.0028"),
    ("mistralai:mistral-small-latest", KILO, None),
    ("local:SmolLM2-135M-Instruct", KILO, "0"),
    ("simulated:simulated", KILO, "0"),
    ("openai:Qwen/Qwen3-8B", KILO, None),
    ("openai:unknown", KILO, None),
    ("vllm:llama-3", KILO, None),
    ("openai:whisper-1", KILO, None),
    ("openai:text-embedding-3-small", KILO, None),
    ("gpt-4.1-mini", KILO, None),
    (":gpt-4.1-mini", KILO, None),
    ("", KILO, None),
    ("unknown", KILO, None),
]


@for_each(BUNDLED)
def test_a_cost_is_known_or_unknown(row: tuple[str, Spending, str | None]) -> None:
    model, spent, expected = row
    cost = Prices().cost(model, spent)
    if model.startswith("mistralai"):  # whichever it is this month
        assert cost is None or cost > 0
    else:
        assert cost == (None if expected is None else Decimal(expected))


@for_each(
    [
        ("openai:gpt-4.1-mini-2025-04-14", "0.003"),
        ("OpenAI:GPT-4.1-mini", "0.003"),
        ("openai:gpt-4.1", "0.018"),
        ("openai:own-model", "0.018"),
        ("vllm:llama-3", "0.0009"),
        ("vllm:mistral", None),
        ("local:any", "0"),
    ]
)
def test_the_first_pattern_of_the_operators_goes_before_all(row: tuple[str, str | None]) -> None:
    model, expected = row
    cost = Prices(OWN).cost(model, KILO)
    assert cost == (None if expected is None else Decimal(expected))


def test_the_operator_may_price_what_runs_on_their_own_machine() -> None:
    own = {"local:*": Price(input=Decimal(5), output=Decimal(5))}
    assert Prices(own).cost("local:any", KILO) == Decimal("0.01")
    assert not Prices(own).is_free("local:any")
    assert Prices().is_free("local:any")
