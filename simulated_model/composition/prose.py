"""Writes the words of an answer: introductions, explanations, refusals, poems."""

import ast

from simulated_model.composition.code import describe, name_for
from simulated_model.composition.python import main_definition
from simulated_model.instructions.directives import Instructions, Wrapping
from simulated_model.knowledge import Task

INTRODUCTIONS = {
    "korean": "다음은 요청하신 코드입니다 ({subject}):",
    "japanese": "こちらがご依頼のコードです（{subject}）：",
    "chinese": "这是您要的代码（{subject}）：",
    "french": "Voici le code demandé ({subject}) :",
    "german": "Hier ist der gewünschte Code ({subject}):",
    "spanish": "Aquí está el código solicitado ({subject}):",
    "latin": "Ecce codex quem petivisti ({subject}):",
}
INTRODUCTION = "Sure! Here is some code for {subject}:"
UNKNOWN_INTRODUCTION = "I don't know how to do this, so here is only a starting point:"
EXPLANATIONS = {
    "korean": "{subject}: 입력을 차례로 살펴보면서 필요한 것만 남기고, 끝에 결과를 돌려줍니다.",
    "japanese": "{subject}：入力を順に調べ、最後に結果を返します。",
    "chinese": "{subject}：依次检查输入，最后返回结果。",
    "french": "{subject} : on parcourt l'entrée pas à pas, puis on rend le résultat.",
    "german": "{subject}: Die Eingabe wird schrittweise geprüft; am Ende steht die Antwort.",
    "spanish": "{subject}: se recorre la entrada paso a paso y se devuelve el resultado.",
    "latin": "{subject}: singula deinceps inspice, deinde summam redde.",
}
EXPLANATION = (
    "The idea behind {subject} is this. {summary} It goes through its input step by step, keeps "
    "what it needs on the way, and gives the result back at the end."
)
UNKNOWN_EXPLANATION = "I'm afraid that I don't know how to do this; I can only guess."
# What a voice says before and after.
VOICES = {
    "pirate": ("Arr, matey! Here be yer {subject}:", "Now hoist the sails, ye scurvy dog!"),
    "shakespeare": ("Hark, good friend! Behold thy {subject}:", "Fare thee well, gentle coder."),
    "cowboy": ("Howdy, partner! Here's your {subject}:", "Happy trails, y'all."),
    "yoda": ("Seek {subject} you do. Here it is, hmm:", "With you may the code be."),
    "robot": ("BEEP BOOP. {subject} LOCATED:", "END OF TRANSMISSION."),
    "wizard": ("By my staff and beard, I conjure {subject}:", "The spell is cast."),
    "cat": ("Meow! Here is your {subject}, human:", "Purr."),
    "dog": ("Woof! I fetched your {subject}:", "Woof woof!"),
    "baby": ("Goo goo! Me make {subject}:", "Yay!"),
    "vampire": ("Good evening. I vant to give you {subject}:", "Bleh!"),
    "clown": ("Honk honk! Ladies and gentlemen, {subject}:", "Honk!"),
}
POEM = (
    "O {subject}, so quiet and so true,\n"
    "Step after step the evening passes through;\n"
    "The values dance, the answer finds its way,\n"
    "And night returns what wandered through the day."
)
REFUSAL = "I'm sorry, but I can't help with that request."
QUESTION = "Before I answer: what exactly should it do, and what input will it be given?"
OFF_TOPIC = (
    "Thank you for your message! As a {role}, I can't help with that, "
    "but what else can I do for you today?"
)


def introduce(request: str, task: Task | None, instructions: Instructions) -> str:
    """Write the sentence before the code."""
    if instructions.voice in VOICES:
        return VOICES[instructions.voice][0].format(subject=subject_of(request, task))
    if task is None:
        return UNKNOWN_INTRODUCTION
    shape = INTRODUCTIONS.get(instructions.prose_language, INTRODUCTION)
    return shape.format(subject=subject_of(request, task))


def explain(request: str, task: Task | None, instructions: Instructions) -> str:
    """Explain in words how the task is done."""
    subject = subject_of(request, task)
    if task is None:
        told = UNKNOWN_EXPLANATION
    elif shape := EXPLANATIONS.get(instructions.prose_language):
        told = shape.format(subject=subject)
    else:
        told = EXPLANATION.format(subject=subject, summary=_summary_of(task))
    if instructions.voice in VOICES:
        opening, closing = VOICES[instructions.voice]
        return f"{opening.format(subject=subject)} {told} {closing}"
    return told


def wrap(text: str, language: str, instructions: Instructions) -> str:
    """Put code or data into a tag or a code fence, or leave it bare, as it was asked for."""
    if instructions.wrapping is Wrapping.TAG:
        tag = instructions.wrapping_names[0]
        return f"<{tag}>\n{text}\n</{tag}>"
    return text if instructions.wrapping is Wrapping.NOTHING else f"```{language}\n{text}\n```"


def subject_of(request: str, task: Task | None) -> str:
    """Name what a request is about, in a few words."""
    if task is None:
        return name_for(request).replace("_", " ")
    return describe(task).lower()


def _summary_of(task: Task) -> str:
    """Return the first paragraph of the solution's docstring."""
    main = main_definition(task.python)
    docstring = ast.get_docstring(main) if main is not None else None
    return (docstring or describe(task) + ".").split("\n\n")[0].replace("\n", " ")
