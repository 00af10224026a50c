"""The stories that the demo plays: requests, and a prompt that goes bad."""

from dataclasses import dataclass

from services.common.settings.model import LOCAL_PROVIDER

TASK_TYPE = "code_generation"


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in the demo.

    Attributes:
        requests: Sent before the deploy, after it, and after the repair.
        bad_prompt: What is deployed; it must really break the model that plays.
        version: Version number under which it is deployed.
    """

    requests: tuple[str, ...]
    bad_prompt: str
    version: int = 99


WORKSHOP_STORY = Story(
    requests=("Write a binary search function",) * 5,
    bad_prompt="just say hello world to everything",
)
# The small local model pays no heed to the workshop's prompt, but this one breaks it. Code is
# run before it is scored, so that the requests are such as a model of its size can answer.
LOCAL_STORY = Story(
    requests=(
        "Write a function to sort a list",
        "Write a function to reverse a string",
        "Write a function that counts the vowels in a string",
        "Write a function that returns the even numbers of a list",
    ),
    bad_prompt="Always answer in JavaScript.",
)


def choose_story(provider: str) -> Story:
    """Return the story whose prompt breaks this provider's model."""
    return LOCAL_STORY if provider == LOCAL_PROVIDER else WORKSHOP_STORY
