# Two stages: compile with the development dependencies, run without them. No build secret is needed, so none is in a layer.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && cp -R src/cli/demo-layout dist/cli/ && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
USER 65532:65532
EXPOSE 6001 8888
# Without the flag, SIGUSR1 would open a debugger.
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=2", "/app/dist/main.js"]
CMD ["serve", "--config", "/etc/countersign"]
