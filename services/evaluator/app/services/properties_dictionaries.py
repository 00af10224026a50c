"""What right answers to requests for dictionaries, and for texts read into them, give."""

from collections import Counter
from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of


def _rows(text: str) -> list[Any]:
    header, *rows = (line.split(",") for line in text.split("\n"))
    return [dict(zip(header, row, strict=True)) for row in rows]


INTENTS = (
    Intent(
        "inverted dictionary",
        (
            r"\b(?:invert|swap|reverse)\w*\b.{0,20}\b(?:dict|dictionary|keys)\b"
            r"|딕셔너리.{0,16}(?:뒤집|반전)"
        ),
        (
            "invert inverts swap swaps reverse dictionary dict so keys become becomes "
            "different unique key mapping"
            " distinct 딕셔너리 키 뒤집 바꾸"
        ),
        (({"a": 1, "b": 2},), ({1: "x"},)),
        lambda _text, mapping: [{value: key for key, value in mapping.items()}],
        edges=(({},),),
        unless=r"\blists?\b|\bgroup|\bduplicate|\bsame value|\border\b",
    ),
    Intent(
        "merged dictionaries",
        (
            r"\b(?:merge|combine)\w*\b.{0,12}\b(?:two )?(?:dicts|dictionaries)\b"
            r"|딕셔너리.{0,8}(?:병합|합치)"
        ),
        (
            "merge merges merging combine combines two dictionaries dicts dictionary key keys "
            "both add adds adding sum summing"
            " second first wins overwrite overrides common 두 딕셔너리 병합 합치 키"
        ),
        (({"a": 1}, {"b": 2}), ({"a": 1, "b": 2}, {"c": 3})),
        lambda _text, first, second: [{**first, **second}],
        in_place=True,
        unless=r"\bdeep|\bnested|\blists?\b",
    ),
    Intent(
        "dictionaries merged by adding",
        r"\b(?:merge|combine)\w*\b.{0,12}\b(?:two )?(?:dicts|dictionaries)\b.{0,90}\b(?:add|sum)",
        (
            "merge merges merging combine combines two dictionaries dicts dictionary key keys "
            "both add adds adding sum summing"
            " common"
        ),
        (({"a": 1, "b": 2}, {"b": 3, "c": 4}),),
        lambda _text, first, second: [dict(Counter(first) + Counter(second))],
        in_place=True,
        unless=r"\bdeep|\bnested|\blists?\b",
    ),
    Intent(
        "parsed query string",
        r"\bquery string\b.{0,60}\bdict",
        (
            "parse parses parsing url query dictionary dict strings urllib without decoded key "
            "keys pairs name ann city seoul"
        ),
        each_of("name=ann&city=seoul", "a=1"),
        lambda _text, query: [dict(pair.split("=") for pair in query.split("&"))],
        unless=r"\blists\b|\bdecode|\brepeated\b|\bmultiple\b",
    ),
    Intent(
        "parsed CSV text",
        r"\bcsv\b.{0,80}\b(?:list of )?dict",
        (
            "parse parses parsing csv text header line first row into dictionaries dict field "
            "fields contains comma quotation mark"
            " mark marks no quoted or commas quotes rows"
        ),
        each_of("name,age\nAnn,30\nBob,25", "a,b\nx,y"),
        lambda _text, text: [_rows(text)],
        unless=r"\bfile\b|\bpath\b|\bconvert\b|\btypes?\b",
    ),
    Intent(
        "merged dictionaries whose second wins",
        r"\b(?:merge|combine)\w*\b.{0,12}\b(?:two )?(?:dicts"
        r"|dictionaries)\b.{0,90}\bsecond\b.{0,24}"
        r"\b(?:wins?|overwrites?|overrides?|counts?|precedence|kept|used)\b",
        "merge merges merging combine combines two dictionaries dicts dictionary key keys both"
        " second first"
        " wins win overwrite overwrites override overrides precedence takes kept used counts same",
        (({"a": 1, "b": 2}, {"b": 3}), ({"a": 1}, {"a": 2, "c": 4})),
        lambda _text, first, second: [{**first, **second}],
        in_place=True,
        unless=r"\bdeep|\bnested|\blists?\b|\badd|\bsum\b|\bfirst\b.{0,24}\bwins?\b",
    ),
)
