import { all, copied, environmentOf } from './dockerfile.mjs';

const LEAST_GRACE_S = 6;

/**
 * What is wrong with the image that a Dockerfile makes.
 * @param {import('./dockerfile.mjs').Stage[]} stages
 * @returns {string[]}
 */
export function imageFaults(stages) {
  const final = stages.at(-1);
  const only = (name) => {
    const found = all(final, name);
    if (found.length !== 1) throw new Error(`${found.length} times ${name} in the final stage`);
    return found[0];
  };
  const names = stages.map(({ name }) => name);
  const build = stages.find(({ name }) => name === 'build');
  const dependencies = stages.find(({ name }) => name === 'dependencies');
  const runs = (stage) => all(stage, 'RUN').map(({ text }) => text);
  const user = Number(/^(\d+):\d+$/.exec(only('USER').text)?.[1] ?? 0);
  const last = final.instructions.findLastIndex(({ name }) => name === 'RUN' || name === 'COPY');
  const isByNode = ({ isExec, args }) => isExec && args[0] === 'node';

  return [
    ...stages
      .filter(({ from }) => !names.includes(from) && !/^node:20(\.\d+)*(-[a-z]+)?-slim$/.test(from))
      .map(({ from }) => `${from} is no slim image of Node 20`),
    ...(final.from === 'build' || final.from === 'dependencies' ? ['the final stage is no stage of its own'] : []),
    ...(runs(build).join(';') === 'npm ci;npm run build' ? [] : ['the build stage does not install and build']),
    ...(/^npm ci --omit=dev --workspace @cutpoint\/edge$/.test(runs(dependencies)[0] ?? '')
      ? []
      : ['the dependencies are not those of production']),
    ...all(final, 'COPY')
      .filter(
        (copy) => copy.flags.from !== 'dependencies' && copied(copy).sources.some((path) => /node_mod|^\.$/.test(path)),
      )
      .map(({ text }) => `${text} brings more than production needs`),
    ...(user > 0 ? [] : ['the user is root, or a name']),
    ...(final.instructions.indexOf(only('USER')) > last ? [] : ['something is done as another user than before']),
    ...['ENTRYPOINT', 'HEALTHCHECK']
      .filter((name) => !isByNode(only(name)))
      .map((name) => `${name} is not node itself`),
    ...(only('CMD').isExec ? [] : ['CMD is run by a shell, which passes no signal on']),
    ...(only('STOPSIGNAL').text === 'SIGTERM' ? [] : ['another signal than SIGTERM stops it']),
    ...(environmentOf(final).CUTPOINT_SERVE_HOST === '0.0.0.0' ? [] : ['it listens where nobody reaches it']),
    ...stages.flatMap((stage) =>
      ['ENV', 'ARG'].flatMap((name) =>
        all(stage, name)
          .filter(({ text }) => /TOKEN|INSECURE|KEY|SECRET|PASSWORD/.test(text))
          .map(({ text }) => `${text} is no matter of the image`),
      ),
    ),
  ];
}

/**
 * What is wrong with how a compose file runs the image.
 * @param {object} compose as parsed
 * @param {import('./dockerfile.mjs').Stage} final the image's last stage
 * @returns {string[]}
 */
export function composeFaults({ services, volumes = {}, secrets = {} }, final) {
  const { edge } = services;
  const health = all(final, 'HEALTHCHECK')[0];
  const exposed = all(final, 'EXPOSE')[0]?.text;
  const written = all(final, 'VOLUME').flatMap(({ args }) => args);
  const mounted = (edge.volumes ?? []).map((volume) => volume.split(':'));
  const tokenFile = edge.environment?.CUTPOINT_SERVE_TOKEN_FILE ?? '';
  const secret = /^\/run\/secrets\/(\w+)$/.exec(tokenFile)?.[1];
  const { start_period, ...timing } = edge.healthcheck ?? {};
  const asImage = {
    test: ['CMD', ...health.args],
    interval: health.flags.interval,
    timeout: health.flags.timeout,
    retries: Number(health.flags.retries),
  };

  return [
    ...(edge.read_only === true ? [] : ['the root file system can be written to']),
    ...(edge.tmpfs?.some((mount) => mount.split(':')[0] === '/tmp') ? [] : ['there is no tmpfs at /tmp']),
    ...(String(edge.cap_drop) === 'ALL' && edge.cap_add === undefined ? [] : ['it has capabilities']),
    ...(String(edge.security_opt) === 'no-new-privileges:true' ? [] : ['it can get privileges']),
    ...(edge.privileged === undefined && edge.user === undefined ? [] : ['it is run as somebody else']),
    ...written.filter((path) => !mounted.some(([, to]) => to === path)).map((path) => `${path} is no volume`),
    ...mounted.filter(([from]) => !(from in volumes)).map(([from]) => `${from} is no volume that is named`),
    ...(JSON.stringify(timing) === JSON.stringify(asImage) && start_period === health.flags['start-period']
      ? []
      : ['its health check is not that of the image']),
    ...(edge.ports?.every((port) => String(port).endsWith(`:${exposed}`)) ? [] : ['another port than the exposed']),
    ...(secret !== undefined && edge.secrets?.includes(secret) && /^\.\/secrets\//.test(secrets[secret]?.file ?? '')
      ? []
      : ['the token is no secret from a file']),
    ...(Number.parseInt(edge.stop_grace_period ?? '0', 10) >= LEAST_GRACE_S ? [] : ['it is killed while it drains']),
  ];
}
