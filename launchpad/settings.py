"""All settings of Launchpad, read from the environment; README.md has the table of what can be set.

Everything that Launchpad keeps is below LAUNCHPAD_HOME; nothing outside it is written.
"""

import os
import secrets
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import dj_database_url
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels

from launchpad import translations
from launchpad.home import BASE_DIR, home_path, make_folders


def _text(name: str, default: str) -> str:
    return os.environ.get(name, "") or default


def _number(name: str, default: float) -> float:
    raw = _text(name, str(default))
    try:
        return float(raw)
    except ValueError:
        sys.exit(f"{name} is {raw!r}, which is not a number. Set it to a number or leave it out.")


def _flag(name: str, *, default: bool = False) -> bool:
    return _text(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def _words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in _text(name, default).split(",") if word.strip()]


def _secret_key(path: Path, new_key: Callable[[], str]) -> str:
    """Return the key kept at `path`, made with mode 0600 at the first start."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(new_key())
        try:
            os.link(draft, path)  # the first of several processes wins, all read the same key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


# --- Paths and addresses ----------------------------------------------------------------------------------------
LAUNCHPAD_HOME = home_path()
try:
    make_folders(LAUNCHPAD_HOME)
except OSError as error:
    sys.exit(f"The folder {LAUNCHPAD_HOME} cannot be written ({error.strerror}): set LAUNCHPAD_HOME to one that can.")
LAUNCHPAD_BIND = _text("LAUNCHPAD_BIND", "127.0.0.1")
LAUNCHPAD_PORT = int(_number("LAUNCHPAD_PORT", 8000))
LAUNCHPAD_WEB_SOCKET = LAUNCHPAD_HOME / "run" / "web.sock"  # behind the gateway
LAUNCHPAD_WEB_PROCESSES = int(_number("LAUNCHPAD_WEB_PROCESSES", 1))
LAUNCHPAD_URL = _text("LAUNCHPAD_URL", f"http://localhost:{LAUNCHPAD_PORT}").rstrip("/")
LAUNCHPAD_GATEWAY_BIND = _text("LAUNCHPAD_GATEWAY_BIND", "127.0.0.1")
LAUNCHPAD_GATEWAY_PORT = int(_number("LAUNCHPAD_GATEWAY_PORT", 8443))
LAUNCHPAD_GATEWAY_HOST = _text("LAUNCHPAD_GATEWAY_HOST", "localhost")
LAUNCHPAD_CORS_ORIGINS = _words(
    "LAUNCHPAD_CORS_ORIGINS",
    f"{LAUNCHPAD_URL},https://{LAUNCHPAD_GATEWAY_HOST}"
    + ("" if LAUNCHPAD_GATEWAY_PORT == 443 else f":{LAUNCHPAD_GATEWAY_PORT}"),
)  # origins of pages that may call deployments from a browser; "*" for all
LAUNCHPAD_TLS_CERT = _text("LAUNCHPAD_TLS_CERT", "")
LAUNCHPAD_TLS_KEY = _text("LAUNCHPAD_TLS_KEY", "")

# --- The local runtime ------------------------------------------------------------------------------------------
LAUNCHPAD_CPU_OVERCOMMIT = _number("LAUNCHPAD_CPU_OVERCOMMIT", 4)
LAUNCHPAD_MEMORY_GB = _number("LAUNCHPAD_MEMORY_GB", 0)  # 0: the memory of the machine less a reserve
LAUNCHPAD_RUN_AS = _text("LAUNCHPAD_RUN_AS", "nobody")  # only matters when Launchpad is started as root
LAUNCHPAD_SANDBOX = _text("LAUNCHPAD_SANDBOX", "best")  # around model servers: require, best or off
LAUNCHPAD_SANDBOX_FOLDERS = [Path(p) for p in _words("LAUNCHPAD_SANDBOX_FOLDERS")]  # that they may read, too
LAUNCHPAD_GRACE_SECONDS = _number("LAUNCHPAD_GRACE_SECONDS", 10)
LAUNCHPAD_FILE_ROOTS = [Path(p) for p in _words("LAUNCHPAD_FILE_ROOTS")]  # beside LAUNCHPAD_HOME/artifacts
LAUNCHPAD_UPLOAD_LIMIT_MB = _number("LAUNCHPAD_UPLOAD_LIMIT_MB", 2048)
LAUNCHPAD_SAMPLES = _flag("LAUNCHPAD_SAMPLES", default=True)  # train and load the sample models at the first start

# --- Django -----------------------------------------------------------------------------------------------------
DEBUG = _flag("LAUNCHPAD_DEBUG")
SECRET_KEY = _text("LAUNCHPAD_SECRET_KEY", "") or _secret_key(
    LAUNCHPAD_HOME / "secret-key", lambda: secrets.token_urlsafe(64)
)
# The first key encrypts secrets, all of them decrypt.
LAUNCHPAD_SECRETS_KEYS = _words("LAUNCHPAD_SECRETS_KEY") or [
    _secret_key(LAUNCHPAD_HOME / "secrets-key", lambda: Fernet.generate_key().decode())
]
for _key in LAUNCHPAD_SECRETS_KEYS:
    try:
        Fernet(_key)
    except ValueError:
        sys.exit("LAUNCHPAD_SECRETS_KEY must be 32 random bytes in URL-safe Base64; commas separate several.")
LAUNCHPAD_SECURE = _flag("LAUNCHPAD_SECURE", default=LAUNCHPAD_URL.startswith("https://"))
ALLOWED_HOSTS = _words(
    "LAUNCHPAD_ALLOWED_HOSTS",
    f"localhost,127.0.0.1,[::1],{urlsplit(LAUNCHPAD_URL).hostname},{LAUNCHPAD_GATEWAY_HOST}",
)
CSRF_TRUSTED_ORIGINS = [LAUNCHPAD_URL] if LAUNCHPAD_SECURE else []

INSTALLED_APPS = [
    "deployments.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "deployments.apps.DeploymentsConfig",
]

LAUNCHPAD_PROXIES = int(_number("LAUNCHPAD_PROXIES", 0))  # the number of proxies whose X-Forwarded-For is trusted
MIDDLEWARE = [
    "deployments.web.shell.middleware.client_address",
    "deployments.api.middleware.ai_api",
    "deployments.web.shell.middleware.note_origin",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads at random, against guessing secrets by lengths (BREACH)
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "deployments.web.shell.middleware.reader_time_zone",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "launchpad.urls"
WSGI_APPLICATION = "launchpad.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "deployments.web.shell.context.shell",
            ],
        },
    }
]

# --- Data -------------------------------------------------------------------------------------------------------
LOCK_SECONDS = 5  # a request that waits longer for another writer is answered with "try again"
try:
    _database = dj_database_url.parse(
        _text("DATABASE_URL", f"sqlite:///{LAUNCHPAD_HOME / 'launchpad.sqlite3'}"),
        conn_max_age=600,
        conn_health_checks=True,
    )
except ValueError:
    sys.exit("DATABASE_URL cannot be read. Give it the form postgresql://user:password@host:5432/name.")
DATABASES = {"default": _database}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that will write takes the write lock at its start, so it waits instead of failing.
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_SECONDS,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "deployments.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# A user name is locked for one client address only: nobody can lock another person out from elsewhere.
AXES_FAILURE_LIMIT = int(_number("LAUNCHPAD_SIGN_IN_TRIES", 5))
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "deployments.web.accounts.views.locked_out"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log records sign-ins
AXES_VERBOSE = False
LAUNCHPAD_TOKENS_PER_MINUTE = int(_number("LAUNCHPAD_TOKENS_PER_MINUTE", 60))  # of one client id from one address
CACHES = {  # in the memory of each process: no cache server is needed
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
# Sign-in by OpenID Connect, only when a provider is named.
LAUNCHPAD_OIDC_ISSUER = _text("LAUNCHPAD_OIDC_ISSUER", "")
LAUNCHPAD_OIDC_NAME = _text("LAUNCHPAD_OIDC_NAME", "OpenID Connect")
LAUNCHPAD_OIDC_ROLE = _text("LAUNCHPAD_OIDC_ROLE", "")  # for people without an account; empty: they cannot sign in
LAUNCHPAD_OIDC_GROUPS = _words("LAUNCHPAD_OIDC_GROUPS")
if LAUNCHPAD_OIDC_ISSUER:
    if urlsplit(LAUNCHPAD_OIDC_ISSUER).scheme not in {"http", "https"}:
        sys.exit(f"LAUNCHPAD_OIDC_ISSUER is {LAUNCHPAD_OIDC_ISSUER!r}. Give the https:// address of the provider.")
    if LAUNCHPAD_OIDC_ROLE not in {"", "viewer", "editor", "administrator"}:
        sys.exit(f"LAUNCHPAD_OIDC_ROLE is {LAUNCHPAD_OIDC_ROLE!r}. Set it to viewer, editor or administrator.")
    INSTALLED_APPS += [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    AUTHENTICATION_BACKENDS += ["allauth.account.auth_backends.AuthenticationBackend"]
    ACCOUNT_ADAPTER = "deployments.web.accounts.openid.Accounts"
    ACCOUNT_EMAIL_VERIFICATION = SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_UNIQUE_EMAIL = False  # only our own adapter compares addresses
    SOCIALACCOUNT_ADAPTER = "deployments.web.accounts.openid.People"
    SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: the Content Security Policy allows no form to lead to another host
    SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "openid"
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "provider",
                    "name": LAUNCHPAD_OIDC_NAME,
                    "client_id": _text("LAUNCHPAD_OIDC_CLIENT_ID", "launchpad"),
                    "secret": _text("LAUNCHPAD_OIDC_CLIENT_SECRET", ""),
                    "settings": {"server_url": LAUNCHPAD_OIDC_ISSUER},
                }
            ],
        }
    }
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
MESSAGE_TAGS = {
    message_levels.DEBUG: "neutral",
    message_levels.INFO: "information",
    message_levels.SUCCESS: "positive",
    message_levels.WARNING: "critical",
    message_levels.ERROR: "negative",
}
FILE_UPLOAD_HANDLERS = ["deployments.web.artifacts.uploads.LimitedUpload"]
FILE_UPLOAD_TEMP_DIR = LAUNCHPAD_HOME / "uploads"
# A configuration may have 1000 parameters of 5000 characters; its wizard sends them as one form, percent-encoded.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1100
DATA_UPLOAD_MAX_MEMORY_SIZE = 20_000_000  # bytes, of a form without its files

# --- Broker -----------------------------------------------------------------------------------------------------
BROKER_URL = _text("BROKER_URL", f"redis+socket://{quote(str(LAUNCHPAD_HOME / 'run' / 'valkey.sock'))}")
BROKER_IS_EMBEDDED = "BROKER_URL" not in os.environ

# --- Language, time, static files -------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [translations.SOURCES, translations.compiled_dir(LAUNCHPAD_HOME)]  # `makemessages` writes to the first
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = LAUNCHPAD_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "launchpad.static_files.OneStylesheetStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Security ---------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "launchpad_session"
CSRF_COOKIE_NAME = "launchpad_csrf"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = LAUNCHPAD_SECURE
SECURE_SSL_HOST = urlsplit(LAUNCHPAD_URL).netloc if LAUNCHPAD_URL.startswith("https://") else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # requested from the same machine, not through the proxy
SECURE_HSTS_SECONDS = 31_536_000 if LAUNCHPAD_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = LAUNCHPAD_SECURE
if LAUNCHPAD_SECURE:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Logs -------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {
        # The terminal asks /healthz many times while everything starts.
        "not_health": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: "/healthz" not in record.getMessage(),
        }
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["not_health"]},
        "events": {
            "class": "launchpad.event_log.EventFile",
            "filename": str(LAUNCHPAD_HOME / "log" / "events.log"),
        },
    },
    "loggers": {"launchpad.events": {"handlers": ["events"], "level": "INFO", "propagate": False}},
    "root": {"handlers": ["stderr"], "level": _text("LAUNCHPAD_LOG_LEVEL", "INFO")},
}
