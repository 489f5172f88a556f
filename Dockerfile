# sirna on a CPU: docker build -t sirna . && docker run --rm -v "$PWD:/data" sirna train train_data.csv
FROM python:3.11-slim-bookworm

# PyTorch's index holds builds without CUDA, which are gigabytes smaller.
ENV PIP_NO_CACHE_DIR=1 PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
WORKDIR /opt/sirna
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sirna ./sirna
RUN pip install --constraint constraints.txt . \
    && useradd --create-home --uid 1000 sirna

USER sirna
WORKDIR /data
ENTRYPOINT ["sirna"]
CMD ["--help"]
