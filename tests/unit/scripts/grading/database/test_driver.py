import pytest
from grading.database.driver import Address, DriverDatabase
from grading.errors import DatabaseUnavailableError

SECRET = "s3cret-of-nobody"


@pytest.mark.parametrize(
    "url",
    [
        "garbage",
        "sqlite:///x.db",
        f"postgresql://agent:{SECRET}@[bad/x",
        f"postgresql://agent:a:{SECRET}/x",
        f"postgresql://agent:{SECRET}@localhost:5432/x?sslmode=nope",
    ],
)
def test_a_garbled_url_is_told_without_what_it_holds(url: str) -> None:
    database = DriverDatabase(Address("", 0, "", "", "", url))
    with pytest.raises(DatabaseUnavailableError) as raised:
        database.fetch_text("SELECT 1")
    database.close()
    assert str(raised.value) == "DATABASE_URL is no address of a PostgreSQL database."
    assert "--db-host" in raised.value.remedy
    assert SECRET not in str(raised.value) + raised.value.remedy


def test_a_host_that_can_be_none_is_told() -> None:
    host = "a" * 70 + ".example"
    database = DriverDatabase(Address(host, 5432, "agent", "agent_system", SECRET))
    with pytest.raises(DatabaseUnavailableError, match=f"agent@{host}:5432/agent_system"):
        database.fetch_text("SELECT 1")
    database.close()
