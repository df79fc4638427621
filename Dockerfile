# Built from the checkout alone: docker build -t countersign .
#
# Pin the base by digest for a build that can be repeated, and give files one age:
#   docker build --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:<digest> --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) -t countersign .
# The digest is the one that `docker buildx imagetools inspect node:24-bookworm-slim` prints for the index.
ARG NODE_IMAGE=node:24-bookworm-slim

# Compiles with the development dependencies. No secret is needed, so none is in a layer.
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && cp -R src/cli/demo-layout dist/cli/
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

# Runs without them. Nothing here is written to, started by a shell, or owned by who runs it.
FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.description="An image gate for Kubernetes: answers Gatekeeper with verified signatures, or says why not." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# Its user has no entry in /etc/passwd; what looks for a home finds an empty one.
ENV HOME=/home/countersign
WORKDIR /app
COPY LICENSE ./
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
USER 65532:65532
EXPOSE 6001 8888
# Small nurseries keep a third less resident; without the signal nobody opens a debugger in the process.
ENTRYPOINT ["node", "--max-semi-space-size=2", "--disable-sigusr1", "/app/dist/main.js"]
CMD ["--help"]
