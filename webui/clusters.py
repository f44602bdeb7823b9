"""Clusters: the list, one cluster, and small forms for who joins, leaves and co-ordinates."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session
from workflow import clusters
from workflow.clusters import ClusterView
from workflow.errors import Conflict, InvalidEvidence, NotFound, Refused, StartklarError
from workflow.queries import clusters as query

blueprint = Blueprint("clusters", __name__, url_prefix="/clusters")


@blueprint.get("")
def index() -> AnyResponse:
    """Every cluster the reader may know of."""
    return _index()


@blueprint.post("")
def found() -> AnyResponse:
    """Let bodies act together."""
    lead = forms.text("lead")
    if not lead:
        return _index(refused=InvalidEvidence({"lead": ("error.cluster_lead_missing", {})}))
    try:
        made = deeds.do(
            clusters.found,
            forms.text("title"),
            lead,
            request.form.getlist("members"),
            request.form.getlist("services"),
        )
    except (Conflict, InvalidEvidence, Refused) as error:
        return _index(refused=error)
    return notices.leave(redirect(url_for("clusters.show", cluster_id=made.id), 303), "notice.cluster_founded")


@blueprint.get("/<uuid:cluster_id>")
def show(cluster_id: UUID) -> AnyResponse:
    """Members, services, who co-ordinates, and where the cases stand."""
    return _page(cluster_id)


@blueprint.post("/<uuid:cluster_id>/join")
def join(cluster_id: UUID) -> AnyResponse:
    """Take a body in."""
    return _do(clusters.join, cluster_id, forms.text("body"))


@blueprint.post("/<uuid:cluster_id>/leave")
def leave(cluster_id: UUID) -> AnyResponse:
    """Take a body out."""
    return _do(clusters.leave, cluster_id, forms.text("body"))


@blueprint.post("/<uuid:cluster_id>/coordinators")
def name_coordinator(cluster_id: UUID) -> AnyResponse:
    """Name who co-ordinates."""
    return _do(clusters.name_coordinator, cluster_id, _person())


@blueprint.post("/<uuid:cluster_id>/coordinators/dismiss")
def dismiss_coordinator(cluster_id: UUID) -> AnyResponse:
    """End somebody's co-ordination."""
    return _do(clusters.dismiss_coordinator, cluster_id, _person())


def _person() -> UUID:
    return forms.chosen("person") or UUID(int=0)


def _do(deed: Callable[..., ClusterView], cluster_id: UUID, *asked: object) -> AnyResponse:
    try:
        done = deeds.do(deed, cluster_id, *asked)
    except (Conflict, Refused) as error:
        return _page(cluster_id, refused=error)
    answer = redirect(url_for("clusters.show", cluster_id=done.id), 303)
    try:
        with session.engine().read(session.me()) as work:
            query.cluster(work, cluster_id)
    except NotFound:  # who left does not see it any more
        answer = redirect(url_for("clusters.index"), 303)
    return notices.leave(answer, f"notice.cluster_{deed.__name__}")


def _index(*, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        page = query.index(work)
    body = render_template(
        "clusters.html",
        page=page,
        typed=forms.typed() if refused else {},
        chosen=request.form.getlist("members") + request.form.getlist("services"),
        refusal=errors.refusal(refused) if refused else None,
        faults=forms.worded(refused.faults, prefix="") if isinstance(refused, InvalidEvidence) else {},
    )
    return make_response(body, errors.status_of(refused) if refused else 200)


def _page(cluster_id: UUID, *, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        page = query.cluster(work, cluster_id)
    body = render_template("cluster.html", page=page, refusal=errors.refusal(refused) if refused else None)
    return make_response(body, errors.status_of(refused) if refused else 200)
