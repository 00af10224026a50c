"""Values that can't work are refused, with a sentence that says what to do."""

from typing import Any

import helm_python
import pytest
from support.rows import for_each

from .conftest import EXTERNAL, render_documents

HOST = {"host": "agent.example.com"}


@for_each(
    [
        ({}, "Put the URLs of a PostgreSQL into a Secret and set database.existingSecret"),
        ({"database": {"existingSecret": "a", "cluster": {"enabled": True}}}, "Two databases"),
        ({"database": {"existingSecret": "a", "cluster": {"enable": True}}}, "enable"),
        ({"databse": {}}, "databse"),
        (EXTERNAL | {"worker": {"replcias": 3}}, "replcias"),
        (EXTERNAL | {"worker": {"resources": {"limit": {}}}}, "limit"),
        (EXTERNAL | {"networkPolicy": {"extraEgress": {"managr": []}}}, "managr"),
        (EXTERNAL | {"settings": {"LLM_PROVDER": "openai"}}, "LLM_PROVDER isn't a setting"),
        (EXTERNAL | {"settings": {"LLM_API_KEY": "k"}}, "credentials.existingSecret"),
        (EXTERNAL | {"settings": {"INTERNAL_TOKEN": "t"}}, "is a secret"),
        (EXTERNAL | {"settings": {"DATABASE_URL": "postgresql://"}}, "is a secret"),
        (EXTERNAL | {"settings": {"LOG_WHEN_AWAY": "spool"}}, "filled in by the chart"),
        (EXTERNAL | {"settings": {"PUBLISHED_HOST": "127.0.0.1"}}, "has no use in a cluster"),
        (EXTERNAL | {"settings": {"ALLOW_OPEN": "yes-i-know"}}, "has no use in a cluster"),
        (EXTERNAL | {"settings": {"LLM_MODEL": {"name": "x"}}}, "settings"),
        (EXTERNAL | {"route": {"kind": "ingres"}}, "kind"),
        (EXTERNAL | {"route": {"kind": "ingress"}}, "route.host"),
        (EXTERNAL | {"route": {"kind": "gateway", **HOST}}, "route.gateway.parentRefs"),
        (EXTERNAL | {"console": {"enabled": True}}, "console.publicUrl"),
        (
            EXTERNAL | {"console": {"enabled": True, "publicUrl": "http://a.example.com"}},
            "https://",
        ),
        (
            EXTERNAL
            | {"console": {"enabled": True, "publicUrl": "https://agent.example.com"}}
            | {"route": {"kind": "ingress", **HOST}},
            "a host of its own",
        ),
        (EXTERNAL | {"keda": {"enabled": True}}, "keda.prometheusUrl"),
        (EXTERNAL | {"tests": {"heal": True}, "optimizer": {"kind": "cronjob"}}, "autopilot"),
        (EXTERNAL | {"stopping": {"drainSeconds": 1000}}, "drainSeconds"),
        (EXTERNAL | {"taskTypes": {"Bad-Name": "x"}}, "Bad-Name"),
        (EXTERNAL | {"database": {"existingSecret": "Not A Name"}}, "existingSecret"),
    ]
)
def test_it_is_refused(row: tuple[dict[str, Any], str]) -> None:
    values, said = row
    with pytest.raises(helm_python.HelmError, match=said.replace(".", r"\.")):
        render_documents(values)
