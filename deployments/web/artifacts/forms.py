"""The form that adds an artifact, by upload or by URL."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.models import ArtifactKind, Scenario
from deployments.templatetags.launchpad import filesize_short

UPLOAD, URL = "upload", "url"


class ArtifactForm(forms.Form):
    """An artifact and its source; `source` says whether `upload` or `url` is used.

    Args:
        too_large: the limit in bytes, when the file was larger and was dropped.
        no_room: whether the file was dropped because the disk is full.
    """

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=256,
        error_messages={"required": gettext_lazy("Give the artifact a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=ArtifactKind.choices)
    scenario = forms.ModelChoiceField(
        label=gettext_lazy("Scenario"),
        queryset=Scenario.objects.all(),
        empty_label=gettext_lazy("Choose a scenario"),
        error_messages={
            "required": gettext_lazy("Choose the scenario that it belongs to."),
            "invalid_choice": gettext_lazy("This scenario does not exist any more. Choose another one."),
        },
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    source = forms.ChoiceField(choices=[(UPLOAD, UPLOAD), (URL, URL)], initial=UPLOAD, required=False)
    upload = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,  # the operation reports an empty file
        widget=forms.FileInput,
    )
    url = forms.CharField(
        label=gettext_lazy("URL"),
        required=False,
        max_length=1024,
        help_text=gettext_lazy("https://… or http://…, or file:///… inside the folders that the settings allow."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, too_large: int = 0, no_room: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.too_large = too_large
        self.no_room = no_room

    def clean(self) -> dict[str, Any]:
        """Require the selected source."""
        values = self.cleaned_data
        values["source"] = values.get("source") or (URL if values.get("url") else UPLOAD)
        if values["source"] == UPLOAD and self.too_large:
            sentence = _("The file is larger than the %(limit)s that are allowed. Put it where a URL reaches it.")
            self.add_error("upload", sentence % {"limit": filesize_short(self.too_large)})
        elif values["source"] == UPLOAD and self.no_room:
            self.add_error("upload", _("There is no room for the file: the disk of Launchpad is full."))
        elif values["source"] == UPLOAD and not values.get("upload"):
            self.add_error("upload", _("Choose a file, or give a URL instead."))
        elif values["source"] == URL and not values.get("url") and "url" not in self.errors:
            self.add_error("url", _("Give its URL, or upload a file instead."))
        return values
