"""The door of the web server: `gunicorn wsgi:app`, `flask run`, `flask shell`."""

from shop import create_app

app = create_app()
