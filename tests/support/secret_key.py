"""The key that signs links, forms and codes in tests."""

from pydantic import SecretStr

SECRET_KEY = SecretStr("the-secret-key-of-the-tests-0123456789")
