"""Settings of what calls of models cost."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from services.common.settings.price_table import check_price_table
from services.common.settings.process import ProcessSettings


class CostSettings(ProcessSettings):
    """Settings of prices: a table of the operator's own goes before what is known of them."""

    prices_file: Annotated[Path | None, AfterValidator(check_price_table)] = None
