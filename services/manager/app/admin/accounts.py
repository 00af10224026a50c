"""The admin API's accounts and keys: made, changed and revoked by who runs the system."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel

from services.common.access.accounts import change_account, create_account
from services.common.access.key_records import revoke_key, store_key
from services.common.access.keys import KeyScope, generate_key
from services.common.access.passwords import hash_password
from services.common.admin.schemas import NewKeyAnswer, NewKeyRequest, NewUserRequest, UserChange
from services.common.errors import InvalidRequestError, ServiceError
from services.common.text import make_storable
from services.manager.app.access.callers import AnyCaller, create_router

router = create_router()


class UnknownKeyError(ServiceError):
    """There is no such key."""

    status_code = 404
    code = "unknown_key"


class UserView(BaseModel):
    """An account, without anything secret."""

    id: int
    name: str
    role: str
    task_types: list[str] | None
    is_disabled: bool


@router.post("/users", status_code=201)
async def create_user(body: NewUserRequest, caller: AnyCaller) -> UserView:
    """Make a local account."""
    caller.require_all_task_types()
    password_hash = await asyncio.to_thread(hash_password, body.password)
    async with caller.transaction() as connection:
        account = await create_account(
            connection,
            name=body.name,
            password_hash=password_hash,
            role=body.role,
            task_types=_bind(body.task_types),
        )
    return UserView.model_validate(account, from_attributes=True)


@router.patch("/users/{user_id}")
async def change_user(
    user_id: Annotated[int, Path(ge=1, lt=2**63)], body: UserChange, caller: AnyCaller
) -> UserView:
    """Change an account, and end its sessions."""
    caller.require_all_task_types()
    given = body.password
    password_hash = await asyncio.to_thread(hash_password, given) if given else None
    async with caller.transaction() as connection:
        account = await change_account(
            connection,
            user_id,
            role=body.role,
            password_hash=password_hash,
            is_disabled=body.is_disabled,
        )
    return UserView.model_validate(account, from_attributes=True)


@router.post("/keys", status_code=201)
async def create_key(body: NewKeyRequest, caller: AnyCaller) -> NewKeyAnswer:
    """Make a key, whose text is told this one time."""
    caller.require_all_task_types()
    scopes = sorted(set(body.scopes))
    if unknown := set(scopes) - set(KeyScope):
        raise InvalidRequestError(
            f"There is no scope {sorted(unknown)[0]!r}; there are: {', '.join(KeyScope)}."
        )
    key = generate_key()
    expires_at = datetime.now(UTC) + timedelta(days=body.days) if body.days else None
    async with caller.transaction() as connection:
        await store_key(
            connection,
            key,
            name=make_storable(body.name),
            scopes=scopes,
            task_types=_bind(body.task_types),
            expires_at=expires_at,
        )
    return NewKeyAnswer(id=key.id, key=key.text)


@router.delete("/keys/{key_id}", status_code=204)
async def remove_key(
    key_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$")], caller: AnyCaller
) -> None:
    """Have a key refused for good."""
    caller.require_all_task_types()
    async with caller.transaction() as connection:
        if await revoke_key(connection, key_id) is None:
            raise UnknownKeyError("There is no key of this id.")


def _bind(task_types: Sequence[str] | None) -> list[str] | None:
    return sorted(set(make_storable(task_types))) if task_types else None
