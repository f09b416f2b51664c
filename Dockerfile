# docker build --tag your-registry/reconciler .          --build-arg EXTRAS=databricks for another extra, local for an embedded MLflow
FROM python:3.13-slim-bookworm AS build
ARG EXTRAS=databricks
WORKDIR /source
COPY pyproject.toml README.md ./
COPY reconciler reconciler
RUN python -m venv /opt/reconciler \
 && /opt/reconciler/bin/pip install --no-cache-dir --disable-pip-version-check ".${EXTRAS:+[$EXTRAS]}" \
 && /opt/reconciler/bin/pip uninstall --yes --disable-pip-version-check pip

FROM python:3.13-slim-bookworm
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /stack
ENTRYPOINT ["reconciler"]
