"""Users: their roles, their resource groups, and their sign-in links."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.models import Role, User
from deployments.operations.users import Person, change_user, create_user, issue_sign_in_link
from deployments.queries import administration
from deployments.web.administration.forms import NewUserForm, UserForm
from deployments.web.administration.frames import form_page, list_page
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.notices import isolated


@require_GET
@administrator_required
def user_list(request: PageRequest) -> HttpResponse:
    return list_page(request, "users", administration.users, title=_("Users"), hint=_("Name or e-mail"))


@never_cache
@require_http_methods(["GET", "POST"])
@administrator_required
def user_create(request: PageRequest) -> HttpResponse:
    """Create a user and show the sign-in link."""
    form = NewUserForm(request.POST or None)

    def add() -> HttpResponse:
        user = create_user(request.actor, form.cleaned_data["username"], _person(form))
        return _link_page(request, user) if user.is_active else redirect("users")

    lead, parent = _("A sign-in link lets them in; then they choose a password."), ("users", _("Users"))
    return form_page(request, form, add, title=_("Add user"), submit=_("Add"), parent=parent, lead=lead)


@require_http_methods(["GET", "POST"])
@administrator_required
def user_change(request: PageRequest, user_id: int) -> HttpResponse:
    user = _user_or_404(request, user_id)
    form = UserForm(request.POST or None, initial=UserForm.initial_of(user))

    def change() -> HttpResponse:
        change_user(request.actor, user, _person(form))
        messages.success(request, _("%(name)s was changed.") % {"name": isolated(user.get_username())})
        return redirect("users")

    title, parent = user.get_username(), ("users", _("Users"))
    return form_page(request, form, change, "user", title=title, submit=_("Save"), parent=parent, person=user)


@never_cache
@require_POST
@administrator_required
def user_link(request: PageRequest, user_id: int) -> HttpResponse:
    """Create a sign-in link for a user and show it, once."""
    return _link_page(request, _user_or_404(request, user_id))


def _link_page(request: PageRequest, user: User) -> HttpResponse:
    token = issue_sign_in_link(request.actor, user)
    link = request.build_absolute_uri(reverse("sign-in-link", args=[token]))
    return render(request, "administration/user_link.html", {"person": user, "link": link})


def _user_or_404(request: PageRequest, user_id: int) -> User:
    return get_object_or_404(administration.users(request.actor), pk=user_id)


def _person(form: UserForm) -> Person:
    values = form.cleaned_data
    names = ("first_name", "last_name", "email", "is_active")
    return Person(role=Role(values["role"]), groups=form.chosen_groups(), **{name: values[name] for name in names})
