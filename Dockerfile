FROM python:3.12.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    ARTWORKS_HOME=/var/lib/artworks

RUN useradd --system --create-home --uid 10001 artworks \
    && install -d -o artworks -g artworks /var/lib/artworks /app

# The browser for pages that Splash's engine cannot run.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# The dependencies change seldom: a layer of their own, from the two files that name them. The
# package itself is empty here, only its list of dependencies counts.
COPY pyproject.toml constraints.txt ./
RUN printf '# artworks\n' > README.md \
    && pip install 'setuptools>=77' \
    && pip install -c constraints.txt '.[crawl,browser,analysis,fast,schedule,web]' \
    && pip uninstall --yes artworks \
    && rm -rf README.md build ./*.egg-info

COPY . .
RUN pip install --no-deps --no-build-isolation -c constraints.txt -e . \
    && artworks --version

USER artworks
VOLUME /var/lib/artworks

# An image for commands, which mostly end by themselves; a container that stays is healthy while
# its database and tables are there. docker-compose.yml says more where it knows more.
HEALTHCHECK --interval=60s --timeout=30s --start-period=120s \
    CMD ["artworks", "status", "--json"]

CMD ["artworks", "--help"]
