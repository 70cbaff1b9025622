"""Scenarios, deployment templates with their import from YAML files, and resource plans."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db.models import Count, Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.auth.permissions import may_administer
from deployments.models import Executable, ResourcePlan, Scenario, User
from deployments.operations import ImportedTemplate, import_templates
from deployments.serving_template import Problem, TemplateInvalid
from deployments.templatetags.launchpad import filesize_short

TEMPLATE_FILE_LIMIT = 1_000_000  # bytes


_ID = RegexValidator(r"^[\w.-]{4,64}$", gettext_lazy("Use 4 to 64 letters, digits, dots, dashes or underscores."))


@admin.register(Scenario)
class ScenarioAdmin(RoleAdmin):
    list_display = ("name", "id", "template_count", "created_at", "changed_at")
    search_fields = ("name", "id", "description")
    fields = ("id", "name", "description", "labels", "created_at", "changed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request).annotate(templates=Count("executables"))
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("id", "created_at", "changed_at") if obj else ("created_at", "changed_at")

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "id":
            field.validators.append(_ID)
        return field

    @admin.display(description=gettext_lazy("templates"), ordering="templates")
    def template_count(self, row: Model) -> int:
        return int(getattr(row, "templates", 0))


@admin.register(ResourcePlan)
class ResourcePlanAdmin(RoleAdmin):
    list_display = ("id", "description", "cores", "memory", "gpus")
    search_fields = ("id", "description")
    fields = ("id", "description", "cpu_millis", "memory_bytes", "gpus")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("id",) if obj else ()

    @admin.display(description=gettext_lazy("CPU"), ordering="cpu_millis")
    def cores(self, row: ResourcePlan) -> str:
        return f"{row.cpu_millis / 1000:g}"

    @admin.display(description=gettext_lazy("memory"), ordering="memory_bytes")
    def memory(self, row: ResourcePlan) -> str:
        return filesize_short(row.memory_bytes)


class TemplateFileForm(forms.Form):
    """A file with deployment templates."""

    file = forms.FileField(label=gettext_lazy("File"), widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}))

    def clean_file(self) -> str:
        """Return the text of the file."""
        file = self.cleaned_data["file"]
        if file.size > TEMPLATE_FILE_LIMIT:
            raise forms.ValidationError(_("The file is larger than 1 MB, which no deployment template is."))
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("The file is not text in UTF-8. Choose a YAML file.")) from error


@admin.register(Executable)
class ExecutableAdmin(ReadOnlyAdmin):
    """Templates are changed by importing their file again, which checks it as a whole."""

    list_display = ("name", "id", "scenario", "version", "built_in", "created_at", "changed_at")
    list_filter = ("scenario", "built_in")
    list_select_related = ("scenario",)
    search_fields = ("name", "id", "description")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.import_template)
        return [path("import/", page, name="deployments_executable_import"), *super().get_urls()]

    def import_template(self, request: HttpRequest) -> HttpResponse:
        """Import a file of templates as a whole, or show all its problems."""
        form = TemplateFileForm(request.POST or None, request.FILES or None)
        problems: list[Problem] = []
        if request.method == "POST" and form.is_valid():
            try:
                imported = self._import(request, form)
            except TemplateInvalid as error:
                problems = error.problems
            else:
                self._report(request, imported)
                return redirect("admin:deployments_executable_changelist")
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Import deployment templates"),
            "opts": self.opts,
            "form": form,
            "problems": problems,
        }
        status = 422 if problems or form.errors else 200
        return TemplateResponse(request, "admin/import_template.html", context, status=status)

    def _import(self, request: HttpRequest, form: TemplateFileForm) -> list[ImportedTemplate]:
        if not isinstance(request.user, User):
            raise PermissionDenied
        upload = request.FILES["file"]
        name = getattr(upload, "name", "") or ""
        return import_templates(request.user.actor(), form.cleaned_data["file"], filename=name)

    def _report(self, request: HttpRequest, imported: list[ImportedTemplate]) -> None:
        for one in imported:
            words = {"name": one.executable.name, "id": one.executable.pk}
            sentence = _("%(name)s (%(id)s) was imported.") if one.created else _("%(name)s (%(id)s) was updated.")
            messages.success(request, sentence % words)
            if one.warning:
                messages.warning(request, one.warning)
