"""What the loop has told, in the language of the reader.

The loop, the gateway and the runtime write English sentences into rows and logs, which everybody reads. Pages look for
the sentence that one was made from and say it in German; what is not among them stays as it is: the words of a server.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

# In this order: those that others could be parts of come first.
SENTENCES = (
    _("Update to %(configuration)s failed: %(reason)s Returned to %(serving)s."),
    _("Update to %(configuration)s failed: %(reason)s The last configuration that was running is %(last)s."),
    _("Update to %(configuration)s failed: %(reason)s"),
    _("Updating to %(configuration)s: %(doing)s"),
    _("%(message)s Its log says: %(error)s"),
    _("%(message)s First error in its log: %(error)s"),
    _("%(because)s Starting replica %(number)s again in %(seconds)s s."),
    _("%(because)s Starting replica %(number)s again now."),
    _("It does not answer through the gateway: %(message)s"),
    _("It does not answer through the gateway"),
    _("No server answers; starting again. %(why)s"),
    _("No server answers; starting again."),
    _("%(healthy)s of %(wanted)s replicas answer; the others are starting again. %(why)s"),
    _("%(healthy)s of %(wanted)s replicas answer; the others are starting again."),
    _("Starting the server again (attempt %(attempt)s of %(most)s): %(why)s"),
    _("Starting the server again (attempt %(attempt)s of %(most)s)."),
    _("Its duration is over. %(message)s"),
    _("Waiting for 1 server to end."),
    _("Waiting for %(servers)s servers to end."),
    _("%(message)s Waiting for 1 request to finish (at most %(limit)s)."),
    _("%(message)s Waiting for %(requests)s requests to finish (at most %(limit)s)."),
    _("Waiting for 1 request to finish (at most %(limit)s)."),
    _("Waiting for %(requests)s requests to finish (at most %(limit)s)."),
    _("Waiting for its requests to finish (at most %(limit)s)."),
    _("Submitted to the runtime."),
    _("Stopped. Its resources are released."),
    _("Running, but %(detail)s."),
    _("Running."),
    _("Running on %(wanted)s replicas."),
    _("Looking for capacity."),
    _("Waiting for capacity: %(short)s. It can never fit here: choose a smaller plan."),
    _("Waiting for capacity: %(short)s."),
    _("Waiting for capacity."),
    _("Waiting for its turn: %(deployment)s has waited longer for capacity."),
    _("Preparing the Python environment: %(detail)s"),
    _("Preparing the Python environment."),
    _("Fetching the input artifacts: %(detail)s"),
    _("Fetching the input artifacts."),
    _("Starting the server: %(detail)s"),
    _("Starting the server."),
    _("Waiting for the server to become healthy: %(detail)s"),
    _("Waiting for the server to become healthy."),
    _("Proving it with a request through the gateway: %(detail)s"),
    _("Proving it with a request through the gateway."),
    _("Opening its URL: %(detail)s"),
    _("Opening its URL."),
    _("There was no capacity for it within %(limit)s. %(detail)s"),
    _("There was no capacity for it within %(limit)s."),
    _("Its Python environment was not ready within %(limit)s."),
    _("Its input artifacts had not arrived within %(limit)s."),
    _("%(message)s Seen last: %(detail)s."),
    _("The server did not open its port within %(limit)s."),
    _("The server did not become healthy within %(limit)s."),
    _("No request through the gateway succeeded within %(limit)s. %(detail)s"),
    _("No request through the gateway succeeded within %(limit)s."),
    _("The gateway did not take the route within %(limit)s."),
    _("Before it started: %(message)s"),
    _("While its Python environment was being prepared: %(message)s"),
    _("While its input artifacts were being fetched: %(message)s"),
    _("While it was starting: %(message)s"),
    _("While it was becoming healthy: %(message)s"),
    _("While it was serving: %(message)s"),
    _("While it was stopping: %(message)s"),
    _("Its Python environment cannot be built: %(why)s"),
    _("Its input artifact %(name)s cannot be fetched: %(why)s"),
    _("It was stopped before its server was started."),
    _("It was asked to stop and ended."),
    _("It was asked to stop and did not end within %(grace)s and was killed."),
    _("The server used more than its %(memory)s of memory and was ended."),
    _("%(message)s The machine ran out of memory and the kernel killed processes."),
    _(
        "%(message)s Neither its memory limit nor the machine's memory was the reason: "
        "somebody or something else killed it."
    ),
    _("The server was killed by signal %(number)s (%(name)s)."),
    _("The server ended with exit code %(code)s: it refused its arguments."),
    _("The server ended with exit code %(code)s: it refused its model file."),
    _("The server ended with exit code %(code)s: it refused its configuration."),
    _("The server ended with exit code %(code)s: the program may not be executed in its environment or image."),
    _("The server ended with exit code %(code)s: the program is not in its environment or image."),
    _("The server ended with exit code %(code)s: a process of it was killed by signal %(number)s (%(name)s)."),
    _("The server ended with exit code %(code)s."),
    _("The server did not answer its health path for %(limit)s."),
    _("The server did not prepare its Python environment within %(limit)s."),
    _("The server did not fetch its input artifacts within %(limit)s."),
    _("The server was lost: the process that watched it is gone. The machine was restarted, or it was killed."),
    _("The server was lost and ended: what it was started with, its spec.json, cannot be read any more."),
    _("It was asked to stop. The process beside it did not answer, so both were killed."),
    _("There is no program %(program)s."),
    _("The program %(program)s may not be executed."),
    _("There is no resource plan %(plan)s any more."),
    _("Its template and configuration do not fit: %(error)s"),
    _("Traffic moved to %(configuration)s."),
    _("Its state is not known for the moment: %(why)s"),
    _("Its duration ends in %(minutes)s minutes; it will be stopped and deleted then."),
    _("There was no answer within %(timeout)s s."),
    _("The gateway did not answer: %(error)s"),
    _("listens on port %(ports)s instead of %(port)s"),
    _("listens on %(addresses)s only, not on %(host)s (port %(port)s)"),
    _(
        "open to everybody on the network past the token check: it listens on %(addresses)s; "
        "let it listen on 127.0.0.1"
    ),
    _("GET %(path)s answered %(status)s"),
    _("GET %(path)s was not answered within %(limit)s s"),
    _("GET %(path)s was not answered in HTTP/1.1"),
    _("%(request)s answered %(status)s in %(latency)s ms: %(excerpt)s."),
    _("%(request)s answered %(status)s in %(latency)s ms."),
    _("%(request)s was not answered within %(timeout)s s."),
    _("Answered %(status)s in %(latency)s ms: %(excerpt)s."),
    _("Answered %(status)s in %(latency)s ms."),
    _("it needs %(need)s, %(free)s free (and %(total)s in all)"),
    _("it needs %(need)s, %(free)s free"),
    _("%(amount)s GB of memory"),
    _("%(amount)s CPU"),
    _("%(amount)s GPU"),
    _("POST %(path)s answered %(status)s"),
    _("making an empty environment"),
    _("resolving the packages"),
    _("downloading and installing packages for %(amount)s s"),
    _("compiled %(amount)s of %(most)s Python files"),
    _("waiting for the same environment to be built for another deployment"),
    _("waiting for the same artifact to be fetched for another deployment"),
    _("waiting for another process that makes the same"),
    _("%(why)s; trying again in %(amount)s s"),
    _("fetched %(amount)s of %(size)s MB"),
    _("fetched %(amount)s MB"),
    _("fetched %(url)s: %(amount)s MB"),
    _("going on after %(amount)s MB"),
    _("cached copy of %(url)s, as %(why)s"),
    _("cached copy of %(url)s"),
    _("checking the checksum"),
    _("%(url)s cannot be fetched: %(why)s"),
    _("%(url)s is no address that can be used"),
    _("%(url)s has the checksum %(found)s…, not %(wanted)s… as expected"),
    _("%(path)s was changed since it was uploaded: its checksum is %(found)s…"),
    _("there is nothing at %(path)s"),
    _("there is no room for it on the disk (it has %(amount)s MB more)"),
    _("there is no room for it on the disk"),
    _("nothing came for %(amount)s s"),
    _("the connection broke off (%(error)s)"),
    _("it leads to an address that cannot be used"),
    _("it leads to %(url)s, and only http and https are followed"),
    _("it leads to %(url)s, inside of this machine or its network: refused"),
    _(
        "the server answered the listing of a folder, and a folder cannot be fetched over HTTP: give the "
        "address of one file, an archive for instance"
    ),
    _("the server answered another part than the one that is missing"),
    _("the server answered %(status)s"),
    _("it ended after %(amount)s of %(size)s bytes"),
    _("it ended without a word"),
    _("it needed more memory than preparing may use"),
    _("it was killed by signal %(number)s"),
    _("what it needs cannot be prepared with the rights of a server: %(error)s"),
    _("The input artifact %(name)s lies outside the allowed folders, or there is nothing there."),
    _("The template names the input artifact %(name)s, but the configuration has none."),
    _("The local runtime cannot work: %(why)s. Mend that; what runs goes on meanwhile."),
    _("No server could be started within %(amount)s s. Is it overloaded?"),
    _("The process beside the server cannot be started: %(why)s"),
    _("Launchpad's process beside the server failed: %(error)s"),
    _("All ports from %(first)s to %(last)s are taken. Stop what is not needed."),
    _("Deployment of %(configuration)s created."),
    _("Update from %(current)s to %(configuration)s requested."),
    _("Stop requested."),
    _("Deletion requested."),
)

# What stands for these is told from the words of a server by its form.
FORMS = {"amount": r"[\d.,]+", "size": r"[\d.,]+", "url": r"\S+"}
# The loop joins what it saw of several replicas, or what several resources are short of.
SEPARATORS = ("; ", ", ")
MOST_PARTS = 4  # of one text that holds separators itself, such as a list of ports


def told(text: str) -> str:
    """Return a sentence of the loop in the reader's language."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    if pieces := _split(text):
        first, separator, rest = pieces
        return f"{told(first)}{separator}{told(rest)}"
    if found := _match(text):
        sentence, values = found
        return gettext(sentence) % {name: told(value) for name, value in values.items()}
    return text


def _split(text: str) -> tuple[str, str, str] | None:
    """Return the first of several texts that were joined, the separator and the rest; None when it is one text."""
    for separator in SEPARATORS:
        parts = text.split(separator)
        for count in range(1, min(len(parts), MOST_PARTS + 1)):
            first, rest = separator.join(parts[:count]), separator.join(parts[count:])
            if _match(first) and (_match(rest) or _split(rest)):
                return first, separator, rest
    return None


def _match(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the sentence that a text was made from and what stands in it, None when it is none of ours."""
    for sentence, pattern in _patterns():
        if match := pattern.fullmatch(text):
            return sentence, match.groupdict()
    return None


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, _pattern(sentence)) for sentence in SENTENCES]


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", sentence)
    text = "".join(
        f"(?P<{part}>{FORMS.get(part, '.+?')})" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )
    return re.compile(text, re.DOTALL)
