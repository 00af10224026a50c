"""Task types, Evaluator and Workshop: each page's main job, as a person does it."""

from playwright.sync_api import expect

from .conftest import SitDown, Story
from .person import matches_any_number


def test_an_answer_is_judged_and_its_verdict_told(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/")
    person.go("Evaluator")
    person.choose(person.field("Task type"), "code_generation")
    person.write(person.field("Request"), "Write add(a, b): add(1, 2) == 3")
    person.write(person.field("Answer"), "def add(a, b):\n    return a - b")
    person.follow(person.find("button", "Judge it"))
    verdict = person.page.locator("#verdict")
    expect(verdict).to_contain_text(f"{person.say('failed')} 0.400")
    expect(verdict).to_contain_text("add(1, 2) gave -1, and the request says 3")


def test_a_task_type_tells_what_can_be_proven(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/")
    person.go("Task types")
    person.follow(person.page.get_by_role("link", name="code_generation"))
    page = person.page
    expect(person.find("heading", "Golden inputs that prove")).to_be_visible()
    inputs = person.say(
        "%(inputs)d inputs, %(checked)d with checks, %(expected)d with an expected answer"
    )
    person.press(page.locator("summary").filter(has_text=matches_any_number(inputs)).last)
    checks = page.get_by_text(person.say("What the checks expect")).last
    person.press(checks)
    expect(page.locator("details details[open]")).to_be_visible()


def test_the_workshop_has_seen_every_step_and_leads_to_the_heal(
    sit_down: SitDown, story: Story
) -> None:
    person = sit_down("/")
    person.go("Workshop")
    expect(person.find("img", "done")).to_have_count(9)
    expect(person.find("img", "not yet")).to_have_count(0)
    person.follow(person.find("link", "Step 3: Run the Optimizer"))
    expect(person.find("heading", "What failed")).to_be_visible()
