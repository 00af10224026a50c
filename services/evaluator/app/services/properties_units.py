"""What right answers to requests to convert units and to read dates give."""

from datetime import date
from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of


def _weekday(_text: str, day: str) -> list[Any]:
    return [date.fromisoformat(day).strftime("%A")]


INTENTS = (
    Intent(
        "leap year test",
        r"\bleap\b|윤년",
        "leap year years gregorian calendar 윤년 연도 해 년 그레고리력",
        each_of(2024, 2023, 1900, 2000, 2100),
        lambda _text, year: [year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)],
        unless=r"\bdays\b|\bnext\b|\bcount\b|\blist\b",
    ),
    Intent(
        "Celsius to Fahrenheit",
        r"celsius\b.{0,20}\bto\b.{0,20}fahrenheit|섭씨.{0,12}화씨",
        (
            "convert converts conversion converting converter celsius fahrenheit temperature "
            "degrees c f 섭씨 화씨 온도"
            " 변환 바꾸 바꿔"
        ),
        each_of(100, 0, -40, 25),
        lambda _text, degrees: [degrees * 9 / 5 + 32],
        unless=r"kelvin|vice|both|fahrenheit\b.{0,20}\bto\b.{0,20}celsius",
    ),
    Intent(
        "Fahrenheit to Celsius",
        r"fahrenheit\b.{0,20}\bto\b.{0,20}celsius|화씨.{0,12}섭씨",
        (
            "convert converts conversion converting converter celsius fahrenheit temperature "
            "degrees c f 섭씨 화씨 온도"
            " 변환 바꾸 바꿔"
        ),
        each_of(212, 32, -40, 77),
        lambda _text, degrees: [(degrees - 32) * 5 / 9],
        unless=r"kelvin|vice|both|celsius\b.{0,20}\bto\b.{0,20}fahrenheit",
    ),
    Intent(
        "days between dates",
        r"\bdays\b.{0,12}\bbetween\b.{0,12}\bdates\b|\bdays lie between\b",
        "days lie between two dates many number yyyy mm dd format first second first",
        (("2024-02-28", "2024-03-01"), ("2023-01-01", "2024-01-01")),
        lambda _text, first, second: [
            (date.fromisoformat(second) - date.fromisoformat(first)).days
        ],
        unless=r"\bbusiness\b|\bworking\b|\binclusive|\bweekdays?\b",
    ),
    Intent(
        "weekday of a date",
        r"\b(?:weekday|day of the week)\b",
        "weekday day week name date falls fall yyyy mm dd format english date full on",
        each_of("2024-01-01", "2023-12-31"),
        _weekday,
        unless=r"\bnumber\b|\bindex\b|\bthree\b|\bshort|\babbrev|\bif\b|\bwhether\b|\bcount\b",
    ),
    Intent(
        "Celsius to kelvin",
        r"\bcelsius\b.{0,20}\bto\b.{0,12}\bkelvin\b|섭씨.{0,12}켈빈",
        "convert converts conversion celsius kelvin temperature degrees c k 섭씨 켈빈 온도 변환",
        each_of(0, 100, 25),
        lambda _text, degrees: [degrees + 273.15, degrees + 273],
        unless=r"\bfahrenheit\b|\bvice\b|\bboth\b",
    ),
    Intent(
        "minutes as hours and minutes",
        r"\bminutes\b.{0,40}\b(?:tuple|pair)\b.{0,40}\bhours\b",
        "convert converts minutes minute hours hour tuple pair whole remaining remainder left over"
        " rest total",
        each_of(130, 60, 45, 0),
        lambda _text, minutes: [(minutes // 60, minutes % 60), [minutes // 60, minutes % 60]],
        unless=r"\bseconds\b|\bdays\b",
    ),
    Intent(
        "seconds as hours, minutes and seconds",
        r"\bseconds\b.{0,40}\b(?:tuple)\b.{0,20}\bhours\b.{0,10}\bminutes\b.{0,14}\bseconds\b",
        "convert converts seconds second minutes minute hours hour tuple whole remaining rest"
        " total",
        each_of(3661, 59, 7200),
        lambda _text, seconds: [
            (seconds // 3600, seconds // 60 % 60, seconds % 60),
            [seconds // 3600, seconds // 60 % 60, seconds % 60],
        ],
        unless=r"\bdays\b",
    ),
    Intent(
        "seconds as HH:MM:SS",
        r"\bseconds\b.{0,60}\bhh:mm:ss\b",
        "convert converts seconds second format formats formatted hh mm ss time duration zero"
        " padded",
        each_of(3661, 59, 45296),
        lambda _text, seconds: [
            f"{hours}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            for hours in (f"{seconds // 3600:02d}", seconds // 3600)
        ],
        unless=r"\bdays\b|\bmilli|\bfrom hh\b|\bparse",
    ),
    Intent(
        "hours as minutes",
        r"\bhours to minutes\b|시간을\s*분으로",
        "convert converts conversion hours hour minutes 시간 시간을 분 분으로 변환 바꾸 바꿔",
        each_of(1, 5, 0),
        lambda _text, hours: [hours * 60],
        unless=r"\bseconds\b|\bdays\b|\band minutes\b|초",
    ),
    Intent(
        "minutes as seconds",
        r"\bminutes to seconds\b|분을\s*초로",
        "convert converts conversion minutes minute seconds 분 분을 초 초로 변환 바꾸 바꿔",
        each_of(1, 5, 0),
        lambda _text, minutes: [minutes * 60],
        unless=r"\bhours\b|\bdays\b|\band seconds\b|시간",
    ),
)
