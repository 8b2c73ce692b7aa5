"""The key that signs links, forms and codes in tests."""

from pydantic import SecretStr

from models.common.secret_keys import SecretKeys

SECRET_KEY = SecretStr("the-secret-key-of-the-tests-0123456789")
SECRET_KEYS = SecretKeys(SECRET_KEY.get_secret_value())
