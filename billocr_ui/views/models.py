"""The networks: which versions there are, what each scored and learned from, and which bills an older one has read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from billocr_assets.store.reading import NETWORKS
from billocr_assets.store.registry import Version, versions
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording

store, user = the_store(), page_user()
say = wording.page_words(user)
now, zone = datetime.now(UTC), wording.page_zone()


def figures_of(figures: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number in what a version scored, under the path that leads to it."""
    if isinstance(figures, dict):
        for name, value in figures.items():
            yield from figures_of(value, f"{prefix} {name}" if prefix else str(name))
    elif isinstance(figures, int | float) and not isinstance(figures, bool):
        yield prefix, float(figures)


def show(network: str, known: list[Version]) -> None:
    st.subheader(say(f"network.{network}"), anchor=False)
    if not known:
        st.write(say("models.none"))
        return
    behind = sum(each.bills for each in known if each.model.state != "promoted")
    st.write(say("models.behind_some", bills=wording.bills(behind, say)) if behind else say("models.behind_all"))
    st.dataframe(
        {
            say("models.version"): [each.model.version for each in known],
            say("models.state"): [say(f"models.state_{each.model.state}") for each in known],
            say("models.origin"): [say(f"models.origin_{each.model.origin}") for each in known],
            say("models.since"): [
                wording.when(each.model.promoted_at or each.model.created_at, now, zone, say) for each in known
            ],
            say("models.corrections"): [each.corrections for each in known],
            say("models.bills"): [each.bills for each in known],
        },
        hide_index=True,
    )
    for each in known:
        if each.learned:
            with st.expander(f"{each.model.version}: {say('models.learned')}"):
                for bill, revision in each.learned:
                    label = f"{wording.literal(bill.merchant or bill.name)} · {revision}"
                    st.page_link("views/bill.py", label=label, query_params={"id": bill.id})
    scored = {each.model.version: dict(figures_of(each.model.figures.get("figures", {}))) for each in known}
    names = list(dict.fromkeys(name for figures in scored.values() for name in figures))
    if names:
        with st.expander(say("models.figures")):
            by_version = {version: [figures.get(name) for name in names] for version, figures in scored.items()}
            st.dataframe({say("models.figure"): names, **by_version}, hide_index=True)


st.title(say("models.title"), anchor=False)
st.write(say("models.lead"))
everything = versions(store, user)
for network in NETWORKS:
    show(network, [each for each in everything if each.model.network == network])
