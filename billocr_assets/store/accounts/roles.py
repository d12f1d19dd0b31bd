"""User, operator, admin: each may do what those before may."""

from __future__ import annotations

from typing import get_args

from billocr_assets.store.errors import NotAllowed
from billocr_assets.store.schema import Role, User

_ROLES: tuple[Role, ...] = get_args(Role)


def has_role(user: User, role: Role) -> bool:
    """Whether the user is this or more: user, operator, admin."""
    return _ROLES.index(user.role) >= _ROLES.index(role)


def require_role(user: User, role: Role) -> None:
    """Raises :class:`NotAllowed` for a user who is less than ``role``."""
    if not has_role(user, role):
        raise NotAllowed(f"This is for {role}s. Please ask one of them.", role)
