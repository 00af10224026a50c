"""Puts an evaluation together as the settings say: judge, sandbox, task types."""

from services.common.config import EvaluatorSettings
from services.common.resilience.bounded_calls import BoundedCalls
from services.common.settings.model import LOCAL_PROVIDER, SIMULATED_PROVIDER
from services.common.task_types.registry import TaskTypes, open_task_types
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RUBRIC_JUDGE, Judge, RubricJudge
from services.evaluator.app.services.rule_sets import criteria_for, rules_for

# Providers whose model is no capable judge; the rubric judges for them.
PROVIDERS_WITHOUT_JUDGE = (SIMULATED_PROVIDER, LOCAL_PROVIDER)


def create_evaluation(
    settings: EvaluatorSettings, judge_calls: BoundedCalls | None = None
) -> Evaluation:
    """Create the evaluation that the settings describe; nothing of it is started yet.

    Args:
        settings: Say what it is made of.
        judge_calls: Bounds how many calls of a judge's model are under way.

    Raises:
        ServiceError: If the judge's settings or a task type's directory can't be used.
    """
    task_types = open_task_types(settings.task_types_dir)
    for definition in task_types.all():
        rules_for(definition), criteria_for(definition)
    return Evaluation(
        create_judge(settings, task_types, judge_calls),
        sandbox=create_sandbox(
            settings.sandbox, settings.sandbox_slots, settings.third_party_modules
        ),
        task_types=task_types,
        sandbox_slots=settings.sandbox_slots,
    )


def create_judge(
    settings: EvaluatorSettings,
    task_types: TaskTypes | None = None,
    calls: BoundedCalls | None = None,
) -> Judge:
    """Create the judge that JUDGE_MODEL names; by default the hosted model, else the rubric."""
    spec = settings.judge_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_JUDGE:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    if spec in ("", RUBRIC_JUDGE):
        return RubricJudge()
    # LangChain costs half a second of start-up, which the rubric needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.evaluator.app.services.judging.llm_judge import LlmJudge  # noqa: PLC0415

    prompts = {
        definition.name: definition.judge_prompt
        for definition in (task_types or open_task_types(None)).all()
        if definition.judge_prompt
    }
    model = create_model_from_spec(settings, spec)
    return LlmJudge(model, spec=spec, prompts=prompts, calls=calls)
