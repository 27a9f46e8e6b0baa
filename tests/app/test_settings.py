"""Settings: environment, overlay, defaults, and what is refused."""

import pytest
from harvest.settings import SettingsError, load


def test_environment_beats_defaults():
    found = load({"HARVEST_DB": "/x/y.db", "PORT": "9000", "HARVEST_PORT": "9001"})
    assert (found.DB_PATH, found.PORT, found.BE_PORT) == ("/x/y.db", 9000, 9001)
    assert found.api_base == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    "url", ["https://example.org/harvest", "https://example.org/harvest/api", "https://example.org/harvest/"]
)
def test_the_public_url_may_end_with_api_or_not(url):
    found = load({"HARVEST_DEPLOYMENT_MODE": "nginx", "HARVEST_BACKEND_PUBLIC_URL": url})
    assert found.public_api == "https://example.org/harvest/api"
    assert found.allowed_origins == {"https://example.org"}


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"HARVEST_DEPLOYMENT_MODE": "docker"}, "DEPLOYMENT_MODE"),
        ({"HARVEST_DEPLOYMENT_MODE": "nginx"}, "BACKEND_PUBLIC_URL"),
        ({"HARVEST_URL_BASE_PATHNAME": "/harvest"}, "URL_BASE_PATHNAME"),
        ({"HARVEST_URL_BASE_PATHNAME": "/../"}, "URL_BASE_PATHNAME"),
        ({"HARVEST_URL_BASE_PATHNAME": "/api/"}, "URL_BASE_PATHNAME"),
        ({"HARVEST_REQUEST_TIMEOUT_S": "0"}, "REQUEST_TIMEOUT_S"),
        ({"PORT": "70000"}, "PORT"),
        ({"PORT": "x"}, "PORT"),
        ({"HARVEST_SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"HARVEST_ALLOWED_ORIGINS": "*"}, "'*'"),
    ],
)
def test_what_cannot_work_is_refused_by_name(environ, names):
    with pytest.raises(SettingsError, match=names.replace("*", r"\*")):
        load(environ)


def test_one_sentence_says_what_a_number_must_be():
    with pytest.raises(SettingsError, match=r"^PORT must be a whole number, not 'x'\.$"):
        load({"PORT": "x"})


def test_a_secret_is_not_in_what_is_said_of_it():
    with pytest.raises(SettingsError) as refused:
        load({"HARVEST_SECRET_KEY": "hush"})
    assert str(refused.value) == "SECRET_KEY is shorter than 32 characters."


def test_files_lie_in_the_state_folder_unless_they_are_put_elsewhere():
    found = load({"HARVEST_STATE_DIR": "/x", "HARVEST_PDF_DIR": "/y"})
    assert (found.DB_PATH, found.PDF_DIR) == ("/x/harvest.db", "/y")
