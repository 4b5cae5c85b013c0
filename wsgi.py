"""The door of the web server: `gunicorn wsgi:app`, `flask run`, `flask shell`."""

from shop import create_app
from shop.errors import ConfigurationError

try:
    app = create_app()
except ConfigurationError as error:
    # One sentence that names the variable, instead of a page of traceback.
    raise SystemExit(f"Cauri cannot start: {error}") from None
