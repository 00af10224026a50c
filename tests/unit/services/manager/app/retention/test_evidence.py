"""What is kept is what the Optimizer reads: services are siblings, so its bounds stand twice."""

from services.manager.app.retention import evidence
from services.optimizer.app.services.log import answers, failure_log, prompt_history


def test_as_much_is_kept_as_is_read() -> None:
    served = failure_log.MAX_EARLIER_ROWS + failure_log.MAX_RECENT_ROWS
    assert max(served, answers.MAX_FLOOD_ROWS) == evidence.SERVING_ROWS
    assert answers.MAX_FLOOD_ROWS == evidence.WATCHED_ROWS
    records = prompt_history.MAX_RECORD_ROWS, prompt_history.MAX_JUDGED_ROWS
    assert max(*records, answers.MAX_RECORD_ROWS) == evidence.EARLIER_ROWS
    assert prompt_history.MAX_HISTORY == evidence.EARLIER_PROMPTS
