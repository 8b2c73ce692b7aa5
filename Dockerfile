FROM python:3.13.14-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Dependencies first: they change less often than the program.
COPY requirements.lock ./
RUN python -m venv /opt/tetsuzuki \
    && /opt/tetsuzuki/bin/pip install --require-hashes --only-binary :all: --requirement requirements.lock

# What only the build needs, of the locked version, stays in this stage.
COPY requirements-dev.lock ./
RUN python -m venv /opt/build \
    && sed -n '/^setuptools==/,/^    #/p' requirements-dev.lock > build.lock \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement build.lock

COPY . ./
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/tetsuzuki/bin/pip install --no-deps /wheels/*.whl


FROM python:3.13.14-slim-trixie

ENV PATH=/opt/tetsuzuki/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tetsuzuki
COPY --from=build /opt/tetsuzuki /opt/tetsuzuki
# Volumes that are mounted here begin with this owner: nobody else reads a private key or writes the journal.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /keys /keys/customers /keys/operators /keys/audit \
    /keys/master /audit /journal

USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tetsuzuki"]
CMD ["--help"]
