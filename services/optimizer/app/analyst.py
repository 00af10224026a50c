"""Opens the analyst: the model, if the settings name one, that writes prompts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.common.config import OptimizerSettings
from services.common.settings.model import LOCAL_PROVIDER, SIMULATED_PROVIDER
from services.optimizer.app.services.repair.candidates import Analyst

# Providers whose model is no capable analyst; rules alone propose for them.
PROVIDERS_WITHOUT_ANALYST = (SIMULATED_PROVIDER, LOCAL_PROVIDER)
RULES = "rules"


def find_analyst_spec(settings: OptimizerSettings) -> str:
    """Find the analyst: what OPTIMIZER_MODEL names, or else the hosted model; empty for none."""
    spec = settings.optimizer_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_ANALYST:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    return "" if spec == RULES else spec


@asynccontextmanager
async def open_analyst(settings: OptimizerSettings) -> AsyncIterator[Analyst]:
    """Open the analyst that the settings name, if they name one, and close its model at the end."""
    spec = find_analyst_spec(settings)
    if not spec:
        yield Analyst()
        return
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.common.llm.invocation import close_model  # noqa: PLC0415
    from services.optimizer.app.services.repair.analyst import ask_analyst, ask_plainly  # noqa: PLC0415

    model = create_model_from_spec(settings, spec)
    try:
        yield Analyst(partial(ask_analyst, model), partial(ask_plainly, model), spec)
    finally:
        await close_model(model)
