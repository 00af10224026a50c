"""What names on record mean to a person, in English."""

from collections.abc import Mapping
from typing import Final

# Whose fault the failures are, by the verdict.
FAULTS: Final[Mapping[str, str]] = {
    "prompt": "The prompt is at fault.",
    "provider": "The model's provider is at fault, not the prompt.",
    "evaluator": "The Evaluator is at fault, not the prompt.",
    "input": "A few odd inputs are at fault, not the prompt.",
    "drift": "The model has changed: a prompt that once served well fails now.",
    "unknown": "It is unknown whose fault it is.",
}
# Why nothing was changed, and what a person can do, by the reason of a run.
HOLDS: Final[Mapping[str, tuple[str, str]]] = {
    "provider_at_fault": (
        "The model's provider failed, which no prompt can repair.",
        "Look at the provider first: selfheal doctor. Nothing is to be done to the prompt.",
    ),
    "evaluator_at_fault": (
        "The Evaluator no longer judges as it did, so its scores prove nothing.",
        "See the Evaluator's page; repairs go on by themselves once it judges well again.",
    ),
    "input_at_fault": (
        "A few requests that the prompt was not made for failed; it does well on all others.",
        "Read the requests below. If they are to be served, write a draft for them.",
    ),
    "failures_did_not_recur": (
        "The same requests pass when they are run again.",
        "Nothing is to be done, unless it comes back.",
    ),
    "fault_untold": (
        "Whether anything but chance or a few odd requests is at fault can't be told yet.",
        "Nothing is to be done: the next failures are looked at again. Golden inputs help to tell.",
    ),
    "no_better_candidate": (
        "No other text did better on the inputs for choosing.",
        "Write a draft yourself, and send it through the gate.",
    ),
    "not_better": (
        "The best other text could not be shown to be better.",
        "Write a draft yourself, and send it through the gate.",
    ),
    "breaks_what_works": (
        "The other text repairs the failures, but breaks what works now.",
        "See below which inputs it breaks; a draft of yours may do both.",
    ),
    "guards_unscored": (
        "Too few of the inputs that pass now could be scored under the other text.",
        "See whether the Evaluator is well; the next run tries again.",
    ),
    "answers_unscored": (
        "Too many answers of the other text could not be scored.",
        "See whether the Evaluator is well; the next run tries again.",
    ),
    "guards_quarantined": (
        "Too many of the inputs that pass now look like attempts to give orders.",
        "Read those requests; a repair could not be guarded by them.",
    ),
    "too_few_inputs": (
        "There are too few inputs to prove anything on.",
        "Add golden inputs to the task type.",
    ),
    "inputs_used_up": (
        "The other text was tried on every input that there is, without an end.",
        "The next run goes on once fresh requests come; golden inputs of yours help too.",
    ),
    "no_repair_found": (
        "As many heals as may be tried found no repair that lasts; none begins by itself now.",
        "Whatever you deploy begins anew, the same text too, and a run by hand still tries.",
    ),
    "draft_refused": (
        "The draft may not be run as it is.",
        "The table below says why. Change it, and send it through the gate again.",
    ),
    "canary_worse": (
        "The other text did worse than this one on a share of the live traffic.",
        "Nothing is to be done: it serves no longer, and isn't tried in place of this text again.",
    ),
    "canary_refuses": (
        "The other text left more requests unanswered on a share of the live traffic.",
        "Nothing is to be done: it serves no longer.",
    ),
    "canary_slow": (
        "The other text took more than twice as long on a share of the live traffic.",
        "Send it as a draft, and approve it, if that is worth it to you.",
    ),
    "canary_long": (
        "The other text made answers more than twice as long on a share of the live traffic.",
        "Send it as a draft, and approve it, if that is worth it to you.",
    ),
    "canary_undecided": (
        "Two thousand pairs of live answers could not show that the other text does no worse.",
        "The two are about as good: CANARY_MARGIN says how much worse still counts as no worse.",
    ),
    "canary_aborted": (
        "A person ended the other text's share of the traffic.",
        "Its text isn't tried again for a day.",
    ),
    "canary_superseded": (
        "Another prompt began to serve while the other text had a share of the traffic.",
        "Nothing is to be done: what serves now is looked at as ever.",
    ),
    "text_erased": (
        "The text before did better, but selfheal erase took a person's words out of it.",
        "Deploy a text of your own: nothing goes back to that one by itself.",
    ),
    "budget_exceeded": (
        "The calls that a run may make were spent before it was decided.",
        "The next run tries again; OPTIMIZER_MAX_CALLS and its like allow more.",
    ),
}
# What a person can do where no repair was found.
NEXT_STEPS: Final[Mapping[str, str]] = {
    "write_for_both": "The nearest text mends some requests and breaks others. Write a draft that "
    "does both; where they want opposite things, give them two task types.",
    "add_inputs": "The nearest text does better, but it isn't shown yet: add golden inputs like "
    "the requests that fail, and run the Optimizer by hand.",
    "write_draft": "No text that was tried helps the requests that fail. Write a draft for them, "
    "or see whether the rule that they fail asks for the right thing.",
}
# What the empty prompt said of a repair, by its label.
CONTROLS: Final[Mapping[str, str]] = {
    "reset": "a reset: no prompt at all does about as well; it helps that the old text is gone",
    "learned": "learned: the new text itself does better than no prompt at all",
    "unlabelled": "neither clearly a reset nor clearly learned",
}
# Why an answer has no score, by the code of the error.
UNSCORED_MEANINGS: Final[Mapping[str, str]] = {
    "judge_unavailable": "The judge's model gave no reply; nothing is known about the answer.",
    "judge_invalid": "The judge replied twice with something that is no grade.",
    "not_judgeable": "The code needs what the sandbox doesn't have, so whether it "
    "works isn't known.",
    "timeout": "The service took longer than it may.",
    "client_closed": "Who asked hung up before there was a score.",
    "deadline_passed": "The request's deadline came first: what it was given, or what was left.",
    "unreachable": "The service doesn't run, or can't be reached. See: selfheal status",
    "disconnected": "The service went away while it worked. See: selfheal logs --service NAME",
    "model_failed": "The model's provider failed.",
    "model_rate_limited": "The model's provider takes no more requests for now.",
    "model_timeout": "The model gave no answer in time.",
    "model_unavailable": "The model's provider can't be reached, or failed.",
    "model_rejected": "The model's provider refuses for good; the sentence above says what to "
    "check.",
    "model_refused_request": "The model doesn't take what the client sent; the sentence above is "
    "its provider's.",
    "model_invalid_answer": "The model's provider answered with what is no answer.",
    "model_quota_spent": "The quota or credit at the model's provider is spent.",
    "model_content_filtered": "The model's provider withheld the answer.",
    "model_answer_cut": "The answer was cut at LLM_MAX_TOKENS before its code or JSON was whole.",
    "model_empty_answer": "The model's provider gave no text.",
}
# What became of an answer's code, by the status of its execution.
EXECUTION_STATUSES: Final[Mapping[str, str]] = {
    "finished": "its code was loaded and run",
    "load_failed": "its code doesn't load",
    "inconclusive": "its code needs what the sandbox doesn't have",
    "stopped": "its code was stopped",
    "unavailable": "nothing was run: this machine has no safe sandbox",
    "not_run": "nothing was run",
}
