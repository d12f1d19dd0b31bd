"""Forms for passwords. They send them to the API themselves: no password passes through Streamlit."""

from __future__ import annotations

from typing import Any

from billocr_ui.components._load import component
from billocr_ui.strings import Words

# Password managers do not look into a shadow root.
_mount = component("login_form", isolate_styles=False)


def login_form(
    say: Words,
    key: str,
    providers: list[tuple[str, str]],
    demo: bool,
    sign_up: bool,
    invitation: str | None = None,
    email: str | None = None,
    refused: str = "",
) -> None:
    """Log in or sign up; the page is loaded anew when that is done, at the same address.

    Args:
        providers: title and name of each OIDC provider.
        demo: whether to offer trying it out without an account.
        sign_up: whether to offer an account.
        invitation: what an invitation's link holds; then signing up comes first.
        email: the address that the invitation is for.
        refused: why the last try by a provider failed.
    """
    _show(
        say,
        key,
        kind="sign_up" if invitation else "login",
        providers=_providers(providers),
        demo=demo,
        sign_up=sign_up,
        invitation=invitation,
        email=email,
        refused=refused,
    )


def password_form(say: Words, key: str, has_password: bool, providers: list[tuple[str, str]]) -> None:
    """Change one's own password, which ends all other logins, or add a login of another kind.

    Args:
        has_password: whether the present one is asked for.
        providers: title and name of each OIDC provider that may be added.
    """
    _show(say, key, kind="password", has_password=has_password, providers=_providers(providers))


def leave_form(say: Words, key: str, has_password: bool) -> None:
    """Delete one's own account for good.

    Args:
        has_password: whether it is asked for.
    """
    _show(say, key, kind="leave", has_password=has_password)


def _providers(providers: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"title": title, "name": name} for title, name in providers]


def _show(say: Words, key: str, **data: Any) -> None:
    _mount(data={**data, "words": say.section("login"), "language": say.language}, key=key)
