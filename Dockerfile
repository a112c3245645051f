# The bot in an image: built with uv from the lock file, run as its own user on a read-only root.
#   docker build -t lightship .        podman build and buildah take it as well
# The base is any Debian-like image with Python 3.11 or newer; both stages use it, so that what was built fits.
ARG BASE=python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254

FROM ${BASE} AS build
ARG UV_VERSION=0.13.9
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_NO_CACHE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/lightship \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE lightship.yaml ./
COPY runbooks runbooks
COPY bot bot
COPY handlers handlers
RUN /opt/uv/bin/uv sync --quiet --frozen --no-default-groups --no-editable \
    && /opt/uv/bin/uv export --quiet --frozen --no-default-groups --no-editable --format cyclonedx1.5 \
        --output-file /opt/lightship/sbom.cdx.json
# What the bot never imports: the client's synchronous half, Arrow's network services, headers, sources, tests.
# The end-to-end test runs every part of the bot in the image that is left.
COPY k8s/image /src/
RUN /opt/lightship/bin/python3 bill.py /opt/lightship/sbom.cdx.json \
    && sh prune.sh /opt/lightship && python3 -m compileall -q -j 0 /opt/lightship

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Lightship" \
      org.opencontainers.image.description="ChatOps incident response for machine-learning services on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/lightship /opt/lightship
COPY lightship.yaml /etc/lightship/
COPY runbooks /etc/lightship/runbooks
# Matplotlib wants a place for its cache; everything else is written to the store alone.
RUN mkdir -p /var/lib/lightship && chown 10001:10001 /var/lib/lightship
ENV PATH=/opt/lightship/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib \
    LIGHTSHIP_CONFIG=/etc/lightship/lightship.yaml
WORKDIR /var/lib/lightship
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-I", "-S", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('LIGHTSHIP_HTTP_PORT', '8080') + '/healthz', timeout=3)"]
ENTRYPOINT ["lightship"]
CMD ["run"]
