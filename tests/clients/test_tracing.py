"""A trace goes on to providers that LangChain's clients speak to."""

from pathlib import Path

from support.traced_story import EACH_TWICE, JUDGE, KEY, find_untraced_calls, play


def test_a_judge_of_langchains_is_asked_within_the_trace_of_its_call(tmp_path: Path) -> None:
    collector, provider = play(
        tmp_path,
        JUDGE_MODEL=f"azure_openai:{JUDGE}",
        AZURE_OPENAI_ENDPOINT="{url}",
        AZURE_OPENAI_API_KEY=KEY,
        OPENAI_API_VERSION="2024-10-21",
    )
    assert {model: len(asked) for model, asked in provider.headers.items()} == EACH_TWICE
    assert not find_untraced_calls(collector, provider)
    assert KEY.encode() not in collector.raw
