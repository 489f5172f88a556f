# sirna on a CPU. A linter checks this file (tests/integration/test_dockerfile.py); it was not built.
FROM python:3.11-slim-bookworm

# builds of PyTorch without CUDA, which are gigabytes smaller
ENV PIP_NO_CACHE_DIR=1 \
    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu \
    PYTHONUNBUFFERED=1

WORKDIR /opt/sirna
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sirna ./sirna
RUN pip install --constraint constraints.txt '.[excel]' \
    && useradd --no-create-home --uid 10001 sirna

USER 10001
WORKDIR /data
ENTRYPOINT ["sirna"]
CMD ["--help"]
