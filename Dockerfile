# The edge as an image: what it serves with, and nothing of what built it. docs/operating.md says how to run it.
FROM node:20-bookworm-slim AS base
WORKDIR /app

# What npm reads, apart from the sources, so that a change of those installs nothing anew.
FROM base AS manifests
COPY package.json package-lock.json .npmrc ./
COPY packages/client/package.json packages/client/
COPY packages/onnx/package.json packages/onnx/
COPY packages/partition/package.json packages/partition/
COPY packages/protocol/package.json packages/protocol/
COPY packages/react/package.json packages/react/
COPY apps/bench/package.json apps/bench/
COPY apps/demo/package.json apps/demo/
COPY apps/edge/package.json apps/edge/
COPY apps/react-example/package.json apps/react-example/
COPY apps/reference/package.json apps/reference/
COPY e2e/react-18/package.json e2e/react-18/

FROM manifests AS dependencies
RUN npm ci --omit=dev --workspace @cutpoint/edge
# npm keeps the compiler, because a package could use one if it were there.
RUN rm -rf node_modules/typescript node_modules/@typescript node_modules/@types node_modules/undici-types
# onnxruntime brings its libraries for every platform, six times what one needs.
RUN find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 \
    ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM manifests AS build
RUN npm ci
COPY . .
RUN npm run build

FROM base
# In a container the loopback can be reached by nobody; for any other address the edge wants a token, see docs/operating.md.
# npm, which a model's source may name, writes beside its packages only into its cache.
ENV NODE_ENV=production \
    CUTPOINT_SERVE_HOST=0.0.0.0 \
    NPM_CONFIG_CACHE=/tmp/npm
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/packages/onnx/dist packages/onnx/dist
COPY --from=build /app/packages/partition/dist packages/partition/dist
COPY --from=build /app/packages/protocol/dist packages/protocol/dist
COPY --from=build /app/apps/edge/dist apps/edge/dist
COPY --from=build /app/dist dist
COPY packages/onnx/package.json packages/onnx/
COPY packages/partition/package.json packages/partition/
COPY packages/protocol/package.json packages/protocol/
COPY apps/edge/package.json apps/edge/
COPY apps/edge/bin apps/edge/bin
# The pictures that codecs are tried on where a model brings none.
COPY apps/demo/public/samples apps/demo/public/samples
COPY LICENSE ./
COPY --chown=1000:1000 models models
RUN install -d -o 1000 -g 1000 .cutpoint
# What may be written to; everything else may be read-only, with a tmpfs at /tmp.
VOLUME ["/app/models", "/app/.cutpoint"]
# As a number, by which a cluster sees that it is not root; it is `node` of the base image.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# The first start prepares the models, which takes minutes on a small machine.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 CMD ["node", "apps/edge/bin/health.js"]
ENTRYPOINT ["node", "apps/edge/bin/cutpoint.js"]
CMD ["serve"]
