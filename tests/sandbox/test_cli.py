"""`flask sandbox` on the command line."""

from __future__ import annotations

import json
import socket

from click.testing import CliRunner

from shop.cli.sandbox import sandbox
from shop.providers import PROVIDERS


def test_info_is_one_json_object():
    result = CliRunner().invoke(sandbox, ["info", "--json"], env={"SANDBOX_PORT": "9300"})

    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert told["phones"] == "http://127.0.0.1:9300/"
    assert set(told["providers"]) == set(PROVIDERS)
    for name, provider in PROVIDERS.items():
        assert told["providers"][name]["credentials"] == provider.sandbox_settings


def test_a_wrong_setting_is_one_sentence():
    port = CliRunner().invoke(sandbox, ["info"], env={"SANDBOX_PORT": "many"})
    url = CliRunner().invoke(sandbox, ["serve"], env={"SANDBOX_PORT": "9300", "PUBLIC_URL": "shop"})

    assert "SANDBOX_PORT is a port number" in port.stderr
    assert "PUBLIC_URL is a web address" in url.stderr


def test_a_busy_port_is_one_sentence(tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        env = {"SANDBOX_PORT": port, "DATA_DIR": str(tmp_path)}

        result = CliRunner().invoke(sandbox, [], env=env)

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert f"port {port} is in use" in result.stderr
