"""Each fault under load: no acknowledged request is lost or doubled, and all comes back."""

import sys

import pytest
from faults.fault import Fault, Row, check, try_fault
from faults.site import Site


@pytest.mark.asyncio(loop_scope="session")
async def test_fault(
    fault: Fault, site: Site, rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    if lack := fault.lacks():
        pytest.skip(lack)
    await site.until_back()
    row = await try_fault(site, fault)
    rows.append(row)
    with capsys.disabled():
        sys.stdout.write(f"\n{row}\n")
    check(row, fault)
