from support.rows import for_each

from services.common.database.condition import DatabaseLoad, check_access, check_load
from services.common.database.connecting import ServerTraits, connection_arguments
from services.common.diagnosis.checks import CheckResult
from services.common.setting_checks import read_url_options


@for_each(
    [
        ((False, False), None, CheckResult.OK, "straight"),
        ((False, False), False, CheckResult.OK, "straight"),
        ((True, False), None, CheckResult.OK, "pooler"),
        ((True, False), True, CheckResult.OK, "pooler"),
        ((True, False), False, CheckResult.WARN, "every few seconds"),
        ((False, True), True, CheckResult.FAIL, "standby"),
        ((True, True), False, CheckResult.FAIL, "standby"),
    ]
)
def test_the_way_in_is_judged(
    row: tuple[tuple[bool, bool], bool | None, CheckResult, str],
) -> None:
    (is_pooled, is_standby), has_direct_url, result, words = row
    traits = ServerTraits(is_pooled=is_pooled, is_standby=is_standby, is_read_only=is_standby)
    check = check_access(traits, has_direct_url=has_direct_url)
    assert check.result is result
    assert words in check.found
    assert bool(check.remedy) is (result is not CheckResult.OK)


@for_each([(1, 50, CheckResult.OK), (39, 50, CheckResult.OK), (40, 50, CheckResult.WARN)])
def test_a_server_that_is_nearly_full_is_told(row: tuple[int, int, CheckResult]) -> None:
    used, most, result = row
    assert check_load(DatabaseLoad(used, most)).result is result


@for_each(
    [
        ("postgresql://u@a:1/d", None),
        ("postgresql://u@a:1,b:2/d", "read-write"),
        ("postgresql://u@a,b/d", "read-write"),
        ("postgresql://u@a:1,b:2/d?target_session_attrs=any", "any"),
    ]
)
def test_of_several_servers_one_that_takes_writes_is_meant(row: tuple[str, str | None]) -> None:
    url, wanted = row
    arguments = connection_arguments(url, timeout_seconds=5)
    assert read_url_options(arguments["dsn"]).get("target_session_attrs") == wanted
