# Two stages: wheels are built where there is a build backend, and run where there is none.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/core.lock requirements/core.lock
RUN python -m venv /opt/quant-engine \
    && /opt/quant-engine/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/core.lock
COPY . .
RUN /opt/quant-engine/bin/python -m pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Quant Engine" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --create-home --home-dir /work trader
COPY --from=build /opt/quant-engine /opt/quant-engine
ENV PATH=/opt/quant-engine/bin:$PATH PYTHONUNBUFFERED=1
USER trader
WORKDIR /work
VOLUME /work
ENTRYPOINT ["quant-engine"]
CMD ["demo"]
