"""How a server of the operator's is named to psql, and to people."""

from pathlib import Path

from support.rows import for_each

from selfheal.runtime.postgres.external import ExternalDatabase

OPTIONS = (
    "connect_timeout=5&application_name=x&options=-c%20a%3Db&target_session_attrs=read-write"
    "&ssl_min_protocol_version=TLSv1.3"
)


@for_each(
    [
        ("postgresql://agent@db/name", "db:5432", {"PGHOST": "db"}),
        ("postgresql://agent@db:5433/name", "db:5433", {"PGHOST": "db", "PGPORT": "5433"}),
        ("postgresql://agent@[::1]:5433/name", "::1:5433", {"PGHOST": "::1", "PGPORT": "5433"}),
        (
            "postgresql://agent@one:1,two/name",
            "one:1,two:5432",
            {"PGHOST": "one,two", "PGPORT": "1,"},
        ),
        (
            "postgresql://agent@/name?host=/run/pg&port=5433",
            "/run/pg:5433",
            {"PGHOST": "/run/pg", "PGPORT": "5433"},
        ),
        ("postgresql://agent@%2Frun%2FPg/name", "/run/Pg:5432", {"PGHOST": "/run/Pg"}),
        ("postgresql://agent@/name", "localhost:5432", {}),
        (
            "postgresql://agent@db/name?sslmode=verify-full&sslrootcert=/ca.pem",
            "db:5432",
            {"PGHOST": "db", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca.pem"},
        ),
        (
            f"postgresql://agent@db/name?{OPTIONS}",
            "db:5432",
            {
                "PGHOST": "db",
                "PGCONNECT_TIMEOUT": "5",
                "PGAPPNAME": "x",
                "PGOPTIONS": "-c a=b",
                "PGTARGETSESSIONATTRS": "read-write",
                "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
            },
        ),
    ]
)
def test_psql_and_people_are_told_what_the_url_says(row: tuple[str, str, dict[str, str]]) -> None:
    url, address, variables = row
    database = ExternalDatabase(url, schema=Path("schema.sql"))
    assert database.address == address
    assert database.client_variables == {"PGUSER": "agent", "PGDATABASE": "name", **variables}


def test_a_password_is_decoded() -> None:
    database = ExternalDatabase("postgresql://a%40b:p%2Fw@db/n", schema=Path("schema.sql"))
    assert database.client_variables["PGPASSWORD"] == "p/w"
    assert database.client_variables["PGUSER"] == "a@b"
    assert "p/w" not in database.address
