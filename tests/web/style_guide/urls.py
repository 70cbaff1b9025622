"""The pages of the style guide. Their data is fixed but for `rows_version`, which a test raises to change the list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone


@dataclass
class Guide:
    """What a test may change and see while a browser has a page open."""

    rows_version: int = 1
    signed_in: bool = True
    polls: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    answers: Event = field(default_factory=Event)  # cleared: the answer to a POST takes a second


def fresh_guide() -> Guide:
    """Return the guide as a test finds it."""
    found = Guide()
    found.answers.set()
    return found


guide = fresh_guide()


class ExampleForm(forms.Form):
    name = forms.CharField(help_text="3 to 64 letters, digits, dots and dashes.")
    scenario = forms.ChoiceField(choices=[("tabular", "Tabular prediction"), ("content", "Content types")])
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    file = forms.FileField(help_text="Up to 2 GB.", required=False)
    go_back = forms.BooleanField(
        label="Return to the last running configuration by itself",
        help_text="If the update fails, the old servers go on.",
        required=False,
    )


class SignInForm(forms.Form):
    username = forms.CharField(label="User name", widget=forms.TextInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


def shell(request: HttpRequest) -> dict[str, Any]:
    """Stand in for the context processor of the real pages."""
    pages = ("Scenarios", "Configurations", "Deployments", "Artifacts")
    operations = [{"label": p, "url": f"/{p.lower()}", "current": request.path == f"/{p.lower()}"} for p in pages]
    options = [
        {"connection": "local", "group": "default", "value": "1", "current": True},
        {"connection": "local", "group": "research", "value": "2", "current": False},
    ]
    return {
        "theme": request.GET.get("theme", ""),
        "workspace": {"connection": "local", "group": "default", "options": options},
        "nav": [
            {"label": "Overview", "icon": "layout-grid", "url": "/", "current": request.path == "/"},
            {"label": "ML Operations", "icon": "gauge", "items": operations},
            {"label": "Administration", "icon": "settings", "items": [{"label": "Admin site", "url": "/admin/"}]},
        ],
        "user": Reader(),
        "version": "0.1.0",
    }


class Reader:
    """Who looks at the style guide."""

    is_authenticated = True
    email = "maria@example.com"

    def get_username(self) -> str:
        return "maria"

    def get_full_name(self) -> str:
        return "Maria Keller"


def rows() -> list[dict[str, Any]]:
    """Return one deployment for each status; d0002 becomes RUNNING when the version is raised."""
    now = timezone.now()
    later = "RUNNING" if guide.rows_version > 1 else "PENDING"
    statuses = ("RUNNING", later, "STOPPING", "STOPPED", "DEAD", "UNKNOWN")
    targets = ("RUNNING", "RUNNING", "STOPPED", "STOPPED", "RUNNING", "DELETED")
    notes = {"PENDING": "waiting for 11 GB, 8 GB free", "DEAD": "exit code 3: no module named torch"}
    return [
        {
            "id": f"d{number:04}",
            "configuration": f"churn-v{number}",
            "status": status,
            "target": target,
            "note": notes.get(status, ""),
            "created": now - timedelta(hours=9 * number),
            "changed": now - timedelta(hours=8 * number),
        }
        for number, (status, target) in enumerate(zip(statuses, targets, strict=True), start=1)
    ]


def show(template: str) -> URLPattern:
    """Give the address of a page of the guide; a POST is noted and goes back to it."""

    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            guide.posts.append(request.path)
            guide.answers.wait(1)
            return HttpResponseRedirect(request.path)
        context = {
            "rows": rows(),
            "version": guide.rows_version,
            "form": ExampleForm({"scenario": "tabular"}),
            "now": timezone.now(),
            "page": Paginator(range(1200), 50).page(4),
        }
        return render(request, f"guide/{template}.html", context)

    return path("" if template == "overview" else f"{template}", view, name=template)


def poll_rows(request: HttpRequest) -> HttpResponse:
    guide.polls.append(request.get_full_path())
    if not guide.signed_in:
        return HttpResponseRedirect("/sign-in")
    if request.GET.get("v") == str(guide.rows_version):
        return HttpResponse(status=204)
    return render(request, "guide/rows.html", {"rows": rows(), "version": guide.rows_version})


def sign_in(request: HttpRequest) -> HttpResponse:
    return render(request, "access/sign_in.html", {"form": SignInForm({"username": "maria"})})


def ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def nowhere(request: HttpRequest) -> HttpResponse:
    return render(request, "404.html", status=404)


urlpatterns = [
    *map(show, ("overview", "list", "detail", "wizard", "stop", "update", "appearance", "workspace", "sign-out")),
    path("rows", poll_rows),
    path("sign-in", sign_in, name="sign-in"),
    path("ping", ping, name="ping"),
    path("nowhere", nowhere),
]
