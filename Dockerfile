# syntax=docker/dockerfile:1
# docker build -t sightglass .
# docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8080:8080 -v sightglass:/var/lib/sightglass sightglass
#
# Nobody is let in who does not say who they are: the first start tells a one-time token (docker logs), which makes the first
# administrator; or -e AUTH_ADMIN_PASSWORD_FILE=/run/secrets/admin-password, and that file.
#
# --build-arg SIGHTGLASS_COMMIT=$(git rev-parse HEAD) is what --version tells.
ARG DEBIAN=bookworm

FROM node:22-${DEBIAN}-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY web .
RUN npm run build

FROM rust:1.95-slim-${DEBIAN} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
COPY --from=web /web/dist web/dist
ARG SIGHTGLASS_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked && install -D -t /out target/release/sightglass

FROM debian:${DEBIAN}-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates tzdata libgstreamer1.0-0 libgstreamer-plugins-base1.0-0 \
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/sightglass /usr/bin/sightglass
# To encode without x264, which is GPL: -e PIPELINES_DIR=/usr/share/sightglass/openh264, docs/licences.md.
COPY deploy/openh264 /usr/share/sightglass/openh264
COPY LICENSE-MIT LICENSE-APACHE docs/licences.md /usr/share/doc/sightglass/
# The plugins are looked through once and for all here, so that nothing is written for it where the image runs.
ENV GST_REGISTRY=/usr/share/sightglass/gstreamer.registry
RUN sightglass --version && install -d -o 10001 -g 10001 -m 0700 /var/lib/sightglass
# Docker's secrets: a file that has the name of a variable is its value.
ENV GST_REGISTRY_UPDATE=no \
    LISTEN_ADDR=0.0.0.0:8080 \
    AUTH=required \
    DB_PATH=/var/lib/sightglass/sightglass.redb \
    LOG_FORMAT=json \
    CREDENTIALS_DIRECTORY=/run/secrets
USER 10001:10001
WORKDIR /var/lib/sightglass
VOLUME /var/lib/sightglass
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["sightglass", "health"]
ENTRYPOINT ["sightglass"]
CMD ["serve"]
