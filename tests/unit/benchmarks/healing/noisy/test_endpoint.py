import json

from benchmarks.healing.lane.lane import ANALYST
from benchmarks.healing.noisy.endpoint import NoisyEndpoint
from benchmarks.healing.noisy.spoiling import is_right
from benchmarks.healing.noisy.texts import read_lexicon
from benchmarks.healing.runs.naive import rewrite
from services.optimizer.app.services.repair.analyst import parse_proposal

REQUEST = "Write a function that counts the vowels in a string."


async def test_the_worker_gets_draws_and_the_analyst_what_is_listed() -> None:
    endpoint = NoisyEndpoint(read_lexicon().make_model("wild", 1), ("one", "two"))
    messages = [{"role": "system", "content": rewrite()}, {"role": "user", "content": REQUEST}]
    answers = [await endpoint.complete({"model": "x", "messages": messages}) for _ in range(40)]
    texts = [one["choices"][0]["message"]["content"] for one in answers]
    assert {is_right(text, REQUEST) for text in texts} == {True, False}
    asked = [await endpoint.complete({"model": ANALYST, "messages": messages}) for _ in range(3)]
    proposed = [parse_proposal(one["choices"][0]["message"]["content"]) for one in asked]
    assert [one.content for one in proposed if one] == ["one", "two", "one"]
    assert json.loads(asked[0]["choices"][0]["message"]["content"])["analysis"]
