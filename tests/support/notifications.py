"""What people are told of, as the tests of telling have it."""

from services.optimizer.app.services.telling.notification import Notification

HEALED = Notification(
    event="healed",
    task_type="code_generation",
    version=100,
    before_version=99,
    fault="prompt",
    reason="better",
    run_id="3f2c9a71-0000-4000-8000-000000000000",
    report_id=7,
    pairs=6,
    passed_before=0,
    passed_after=6,
)
HELD = Notification("held", "code_generation", version=99, reason="no_better_candidate")
