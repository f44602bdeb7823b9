"""Lists kept under a name: keeping the one at hand, and looking after those there are."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import case_list, deeds, forms, notices, session, wording
from workflow import views
from workflow.errors import InvalidEvidence, NotFound, Refused
from workflow.views import View

blueprint = Blueprint("views", __name__, url_prefix="/views")

ALONE = "-"
"""What the form says for a view that is its owner's alone."""


@blueprint.get("")
def index() -> str:
    """The views one may open."""
    with session.engine().read(session.me()) as work:
        found = views.of_actor(work)
    return render_template("views.html", views=[(view, case_list.address_of(view)) for view in found])


@blueprint.get("/new")
def new() -> AnyResponse:
    """Under which name the list at hand is to be kept, and for whom."""
    pairs = views.fields_of(request.query_string.decode("utf-8", "replace"))
    page = request.args.get("page", "cases")
    return _form_page(page, urlencode([(name, value) for name, value in pairs if name != "page"]))


@blueprint.post("")
def keep() -> AnyResponse:
    """Keep it, as a new one or in the place of one there is."""
    page, query, instead = forms.text("page"), forms.text("query"), forms.chosen("instead")
    try:
        if instead is not None:
            kept = deeds.do(views.replace, instead, page=page, query=query)
        else:
            kept = deeds.do(views.keep, page=page, query=query, title=forms.text("title"), team=_team())
    except InvalidEvidence as error:
        return _form_page(page, query, faults=forms.worded(error.faults, prefix=""))
    except Refused as error:
        return _form_page(page, query, faults={"title": wording.t(error.key, **error.facts)})
    with session.engine().read(session.me()) as work:
        where = case_list.address_of(views.view(work, kept.id))
    return notices.leave(redirect(where, 303), "notice.view_kept", title=kept.title)


@blueprint.get("/<uuid:view_id>")
def change(view_id: UUID) -> AnyResponse:
    """Another name, or another circle of people."""
    return _change_page(view_id)


@blueprint.post("/<uuid:view_id>")
def rename(view_id: UUID) -> AnyResponse:
    """Give it another name, or to a team."""
    try:
        kept = deeds.do(views.rename, view_id, title=forms.text("title"), team=_team())
    except InvalidEvidence as error:
        return _change_page(view_id, faults=forms.worded(error.faults, prefix=""))
    except Refused as error:
        return _change_page(view_id, faults={"title": wording.t(error.key, **error.facts)})
    return notices.leave(redirect(url_for("views.index"), 303), "notice.view_kept", title=kept.title)


@blueprint.post("/<uuid:view_id>/forget")
def forget(view_id: UUID) -> AnyResponse:
    """Keep it no longer."""
    kept = deeds.do(views.forget, view_id)
    return notices.leave(redirect(url_for("views.index"), 303), "notice.view_forgotten", title=kept.title)


def _team() -> str | None:
    chosen = forms.text("team")
    return None if chosen in ("", ALONE) else chosen


def _form_page(page: str, query: str, *, faults: dict[str, str] | None = None) -> AnyResponse:
    if page not in views.PAGES:
        raise NotFound(what="view")
    with session.engine().read(session.me()) as work:
        found, teams = views.of_actor(work), views.teams(work)
    shown = render_template(
        "view_form.html",
        view=None,
        page=page,
        query=query,
        back=f"{url_for(case_list.VIEWED[page])}?{query}",
        circles=_circles(teams),
        others=[(str(view.id), _named(view)) for view in found if view.may_change],
        fields=views.FIELDS,
        typed=forms.typed(),
        faults=faults or {},
    )
    return make_response(shown, 422 if faults else 200)


def _change_page(view_id: UUID, *, faults: dict[str, str] | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        view, teams = views.view(work, view_id), views.teams(work)
    if not view.may_change:
        raise NotFound(what="view")
    if view.team and view.team not in dict(teams):
        teams = (*teams, (view.team, view.team_title or view.team))
    shown = render_template(
        "view_form.html",
        view=view,
        back=url_for("views.index"),
        circles=_circles(teams, alone=view.mine),
        fields=views.FIELDS,
        typed=forms.typed() or {"title": view.title, "team": view.team or ALONE},
        faults=faults or {},
    )
    return make_response(shown, 422 if faults else 200)


def _circles(teams: tuple[tuple[str, str], ...], *, alone: bool = True) -> list[tuple[str, str]]:
    """For whom a view can be; nothing to choose where there is no team."""
    if not teams:
        return []
    return [*([(ALONE, wording.t("views.for_me"))] if alone else []), *teams]


def _named(view: View) -> str:
    return f"{view.title} ({view.team_title})" if view.team_title else view.title
