"""The application for a WSGI server: `gunicorn --threads 8 webui.wsgi:app`. Settings come from the environment."""

from __future__ import annotations

from webui import create_app
from workflow import settings, start

_settings = settings.read()
app = create_app(start.engine(_settings), _settings)
